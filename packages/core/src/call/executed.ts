/**
 * `executed` is derived from who last held the call, never guessed where an error is made. One function a side; each side asks only for the
 * ends that it decides itself, and passes on what another side said.
 */
import type { Executed } from '../errors/index.js'
import type { CalleeState } from './callee.js'
import type { CallerState } from './caller.js'
import type { RouterState } from './router.js'

/** Who last held the call, as far as the asking side can know. */
export type Holder = 'caller' | 'router' | 'calleeBeforeStart' | 'callee' | 'calleeDone'

export function executed(holder: Holder): Executed {
  switch (holder) {
    case 'caller':
    case 'router':
    case 'calleeBeforeStart':
      return 'no'
    case 'callee':
      return 'maybe'
    case 'calleeDone':
      return 'yes'
  }
}

/** For an end that the caller decides alone: once written, the call is out of its hands, and the callee may have it. */
export function callerHolder(state: CallerState): Holder {
  return state === 'waiting' ? 'caller' : 'callee'
}

/** For an end that the router decides: once handed to a link, the instance may have started it. */
export function routerHolder(state: RouterState): Holder {
  return state === 'received' || state === 'stored' || state === 'queued' || state === 'leased' ? 'router' : 'callee'
}

/** For an end that the callee decides. */
export function calleeHolder(state: CalleeState): Holder {
  return state === 'queued' ? 'calleeBeforeStart' : state === 'settled' ? 'calleeDone' : 'callee'
}
