/** I18: what a set of simulations must have seen at least once. A state that never occurs is a state that nothing here checks. */
import type { History } from './history.js'

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
] as const

/** Counts what became of the calls of a history. */
export function countOutcomes(history: History): void {
  for (const { plan, sn, ends, cancelledMs } of history.calls) {
    const [ended] = ends
    if (ended === undefined) continue
    const { written, handed } = history.factsOf(sn)
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
