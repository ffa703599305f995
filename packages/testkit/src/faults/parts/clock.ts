/** A clock that says something else at each start of the router. */
import type { RouterSetting } from '../cast/router.js'
import type { Run } from '../run.js'
import { shortStorm } from './short-storm.js'
import { clockOffBy } from './tools.js'

/** Less than what a call of the storm may wait, so none may end for it. */
const OFFSETS_S = [0, 300, -300, 120, -240, 30]

export async function clock(run: Run): Promise<number> {
  if (clockOffBy(0) === undefined) {
    run.say('clock: skipped, as there is no libfaketime')
    return 0
  }
  return shortStorm(run, {
    part: 'clock',
    setting: turning,
    kinds: ['kill-router', 'kill-worker', 'kill-caller'],
    forMs: 40_000,
    rate: 300,
  })
}

/** Its time of day is asked for at each start. */
function turning(data: string): RouterSetting {
  let start = 0
  return {
    data,
    get env() {
      return clockOffBy(OFFSETS_S[start++ % OFFSETS_S.length]!)
    },
  }
}
