/** I18: what a set of simulations must have seen at least once. A state that never occurs is a state that nothing here checks. */
import type { History } from './history.js'
import { SEMANTICS } from './semantics.js'

/** Names as `History.count` has them. */
export const INTERESTING = [
  'resume that works',
  'resume that is refused',
  'packet that is sent again',
  'result',
  'own exception',
  'body in pieces',
  'expired before it was written',
  'expired while the router held it',
  'expired after it was handed over',
  'idle timeout',
  'refusal Overloaded',
  'refusal NoSuchVersion',
  'WorkerLost{maybe}',
  'attempt after one that may have run',
  'RouterLost{maybe}',
  'Superseded{no}',
  'Superseded{maybe}',
  'Closed{no}',
  'cancelled before it was written',
  'cancelled while the router held it',
  'cancelled at the callee before its start',
  'cancelled after its start',
  'result in spite of a cancel',
  'client ended by Superseded',
  'redelivery',
  'given to another one',
  'Expired{no}',
  'stored call that is expired',
  'stored call that is cancelled',
  'stored call that is indeterminate',
  'stored call that is dead',
  'stored call that ended after its caller',
  'expired while it was stored and handed over',
  'duplicate',
  'order turn taken over after a loss',
  'silent call that is waited for',
  'Reentrant{no}',
  'watch across a session loss',
  'postback',
  'prepared call that is fired',
  'cancelled by sn',
  'cancelled by criteria',
  'result that another client fetched',
  'NoSuchReceipt to another principal',
  'event',
  'gap after a lost session',
  'gap of a slow subscriber',
  'subscription that is made again',
  'client that joined',
  'client that left',
  'group to all',
  'group with one that is missing',
  'first of a group',
  'quorum',
  'hedged group',
  'hedged group that asks another one',
  'group NoQuorum',
  'group NotIdempotent',
  'group Cancelled',
  'drain',
  'call that runs on at a drained client',
  'stream to the caller that ends',
  'stream to the callee that ends',
  'stream to the caller that is stopped',
  'stream to the callee that is stopped',
  'stream to the caller that fails after items',
  'stream to the callee that fails after items',
  'stream that is cancelled',
  'stream that ends by WorkerLost',
  'stream that ends by RouterLost',
  'call with streams that never ran',
  'item in pieces',
  'item that is sent again',
  'item that crosses a stop',
  'stop that crosses an end',
  'credit that crosses an end',
  'start over a store',
  'start from a snapshot',
  'start over a torn end',
  'router killed while it starts',
  'duplicate across starts',
  'lease that comes back',
  'lease that is void',
  'word of a former callee',
  'store that fails',
  'key that is known again',
  'IdempotencyConflict',
  'refusal Damaged',
  'Damaged{maybe}',
  'damage that is refused',
  'damage that is harmless',
  'durable event',
  'durable event of which nobody knows',
  'durable event that another process is given again',
  'durable gap',
  'fault stop',
  'fault strand',
  'fault fullDisk',
  'fault clock back',
  'fault clock forward',
] as const

/** Counts what became of the calls of a history. */
export function countOutcomes(history: History): void {
  for (const made of history.calls) {
    const { plan, ends, cancelledMs, process } = made
    const [ended] = ends
    const { isStored } = SEMANTICS[plan.semantics]
    if (plan.retry > 0 && history.executionsOf(plan.id).length > 1) history.count('attempt after one that may have run')
    if (ended === undefined) {
      if (isStored && !process.isAlive && history.executionsOf(plan.id).some(({ endMs }) => endMs !== undefined))
        history.count('stored call that ended after its caller')
      continue
    }
    const { written, handed } = history.factsAbout(made)
    const ran = history.executionsOf(plan.id).length > 0
    if (ended.kind === 'result') {
      history.count('result')
      if (cancelledMs !== undefined) history.count('result in spite of a cancel')
      continue
    }
    const { code, executed } = ended
    history.count(`${code}{${executed}}`)
    const where =
      written.length === 0 ? 'before it was written' : handed.length === 0 ? 'while the router held it' : 'after it was handed over'
    if (code === 'DeadlineExceeded' && isStored && handed.length > 0) history.count('expired while it was stored and handed over')
    if (code === 'RemoteException') history.count('own exception')
    if (code === 'IdleTimeout') history.count('idle timeout')
    if (code === 'DeadlineExceeded') history.count(`expired ${where}`)
    if (code !== 'Cancelled') continue
    if (handed.length === 0) history.count(`cancelled ${where}`)
    else
      history.count(
        ran
          ? 'cancelled after its start'
          : executed === 'no'
            ? 'cancelled at the callee before its start'
            : 'cancelled after it was handed over',
      )
  }
}
