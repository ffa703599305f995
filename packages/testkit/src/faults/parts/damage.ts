/** A byte that changes while the router is down: it says so and does not start, or what it starts with is all there. */
import { cp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect, WaybillError } from '@waybill/client'
import { historyOf } from '../check/history.js'
import { allLines } from '../log-file.js'
import type { RouterProcess } from '../cast/router.js'
import { Seeded } from '../../random.js'
import type { Run } from '../run.js'
import { storm } from '../storm.js'
import { routerFor } from './short-storm.js'

const FOR_MS = 6000
const RATE = 200
const MUTATIONS = 24
const ASKED = 300

export async function damage(run: Run): Promise<number> {
  const { options, signal, say, folder } = run
  const rig = await routerFor({ ...run, part: 'damage' })
  if (rig === undefined) return 0
  const { router, log, logs, data } = rig
  const { violations } = await storm({
    folder: logs,
    log,
    router,
    seed: options.seed,
    forMs: FOR_MS,
    rate: RATE,
    kinds: [],
    signal,
    progress: () => {},
  })
  await router.ask()
  const known = [...(await historyOf(allLines(logs))).calls.values()].filter(
    ({ storedMs, audit }) => storedMs !== undefined && audit?.e === 'ok',
  )
  const sns = known.slice(0, ASKED).map(({ sn }) => sn)
  const random = new Seeded(options.seed)
  const whole = join(folder, 'damage-whole')
  await cp(data, whole, { recursive: true })
  let [refused, harmless, found] = [0, 0, violations.length]
  for (let round = 0; round < MUTATIONS && !signal.aborted; round++) {
    await rm(data, { recursive: true, force: true })
    await cp(whole, data, { recursive: true })
    const what = await mutate(data, random)
    const refusal = await router.start()
    if (refusal !== undefined) {
      refused++
      // A sentence and a code of its own, not a stack.
      if (refusal.code === null || refusal.code === 0 || !/damaged/i.test(refusal.said) || /\n {4}at /.test(refusal.said)) {
        found++
        say(`damage: ${what}: it ended with ${refusal.signal ?? refusal.code} and said ${JSON.stringify(refusal.said)}`)
      }
      continue
    }
    const missing = await missingOf(router, sns)
    if (missing === 0) harmless++
    else {
      found++
      say(`damage: ${what}: it started, and ${missing} of ${sns.length} calls are gone or changed`)
    }
    await router.ask()
  }
  log.close()
  say(
    `\ndamage: ${MUTATIONS} bytes changed while the router was down: ${refused} refused, ${harmless} harmless, ${found} lost something or were not explained`,
  )
  return found
}

/** Changes one bit; says where. */
async function mutate(data: string, random: Seeded): Promise<string> {
  const names = (await readdir(data, { recursive: true })).toSorted()
  const sizes = await Promise.all(names.map(async (name) => [name, await stat(join(data, name))] as const))
  const [name] = random.pick(sizes.filter(([, stats]) => stats.isFile() && stats.size > 0))
  const bytes = await readFile(join(data, name))
  const at = random.whole(0, bytes.length - 1)
  const bit = random.whole(0, 7)
  bytes[at]! ^= 1 << bit
  await writeFile(join(data, name), bytes)
  return `bit ${bit} of byte ${at} of ${name}`
}

async function missingOf(router: RouterProcess, sns: readonly string[]): Promise<number> {
  const client = await connect(router.web)
  const answers = await Promise.all(
    sns.map((sn) =>
      client
        .receipt(sn)
        .result()
        .then(
          () => true,
          (thrown: unknown) => !(thrown instanceof WaybillError),
        ),
    ),
  )
  await client.close({ drainMs: 0 })
  return answers.filter((isThere) => !isThere).length
}
