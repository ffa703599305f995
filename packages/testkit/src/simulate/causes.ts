/**
 * Whether an error has a cause in the scenario: what was planned, or what went wrong at that time. An error without one is a fault of
 * ours.
 */
import type { Ended, History, MadeCall } from './history.js'
import { isCancelled } from './check-stored.js'
import { workMs, type Execution } from './kennel.js'
import { SEMANTICS } from './semantics.js'
import { GENEROUS_MS } from './setting.js'

export function causeOf(history: History, call: MadeCall, executions: readonly Execution[], ended: Ended & { kind: 'error' }): boolean {
  const { plan, startedMs } = call
  const { weather } = history.scenario
  const aboutCaller = history.wasTroubled(plan.caller, startedMs, ended.atMs)
  const aboutAnyone = history.wasTroubled(undefined, startedMs, ended.atMs)
  const isStormy = weather === 'storm'
  switch (ended.code) {
    case 'RemoteException':
      return plan.method === 'fail' && ended.message.includes(`failed ${plan.id}`)
    case 'Cancelled':
      return isCancelled(history, call)
    case 'DeadlineExceeded':
      // What has all the time of the world ends by its method's word unless somebody failed.
      if (SEMANTICS[plan.semantics].isStored && history.hasJumped(startedMs, ended.atMs)) return true
      return ended.atMs >= startedMs + plan.deadlineMs - 1 && (plan.deadlineMs < GENEROUS_MS || (isStormy && aboutAnyone))
    case 'Expired': {
      if (SEMANTICS[plan.semantics].isStored && history.hasJumped(startedMs, ended.atMs)) return true
      const waitMs = SEMANTICS[plan.semantics].isStored ? plan.deadlineMs : (plan.waitMs ?? 0)
      return ended.atMs >= startedMs + waitMs - 1 && (waitMs < GENEROUS_MS || (isStormy && aboutAnyone))
    }
    case 'Reentrant':
      return plan.within !== undefined
    case 'IdleTimeout':
      return ended.atMs >= startedMs + plan.timeoutMs - 1 && (plan.timeoutMs < GENEROUS_MS || (isStormy && aboutAnyone))
    case 'WorkerLost': {
      // Of what is delivered or made again, anybody may have been the last one.
      const worker = SEMANTICS[plan.semantics].isStored || plan.retry > 0 ? undefined : (executions[0]?.worker ?? plan.on)
      return isStormy && history.wasTroubled(worker, startedMs - workMs(plan), ended.atMs)
    }
    case 'RouterLost':
      return isStormy && aboutCaller && !goesOn(history, call, ended)
    case 'TooLarge':
      return plan.method === 'large' && history.wasTroubled('router', startedMs, ended.atMs, ['fullDisk'])
    case 'Damaged':
      return isStormy && (history.isDamaged || history.wasTroubled('router', startedMs, ended.atMs, ['failingDisk']))
    case 'Superseded':
      return isStormy && history.wasTroubled(plan.caller, startedMs - GENEROUS_MS, ended.atMs, ['supersede', 'close'])
    case 'Closed':
      return isStormy && history.wasTroubled(plan.caller, startedMs - GENEROUS_MS, ended.atMs, ['close'])
    case 'NoSuchVersion':
    case 'NoSuchService':
    case 'NoSuchClient':
      return plan.address.endsWith('^9') || plan.within !== undefined || (isStormy && history.wasTroubled(undefined, 0, ended.atMs))
    case 'Overloaded':
      // Who hands over at once does not wait for credit; what is stored is never refused for room.
      return (isStormy && call.storedMs === undefined) || plan.semantics === 'send'
    default:
      return false
  }
}

/** Who calls goes on with what is stored, as long as the store is the same and the call is wanted. */
function goesOn(history: History, call: MadeCall, { atMs }: Ended): boolean {
  const { plan, cancelledMs, startedMs } = call
  if (!SEMANTICS[plan.semantics].isStored || history.scenario.storage === undefined) return false
  return cancelledMs === undefined && atMs < startedMs + plan.deadlineMs && !history.hasForgotten(atMs) && !history.hasJumped(0, atMs)
}
