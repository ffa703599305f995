/** Who ran what, and how often: at most once where that was promised, with the body that was sent, with the result that was told (I3, I4). */
import type { Call, History } from './history.js'
import { endsOf } from './outcomes.js'
import { runsOf, type Violation } from './violation.js'

export function checkRuns({ calls }: History): readonly Violation[] {
  return [...calls.values()].flatMap((call) => [...faultsOf(call)])
}

function* faultsOf(call: Call): Generator<Violation> {
  const { sn, attempted, runs, told } = call
  if (attempted === undefined) {
    if (runs.length > 0 || told.length > 0) yield { check: 'unexpected', what: `${sn} was never attempted: ${runsOf(call)}` }
    return
  }
  if (runs.length > 1 && (attempted.cls === 'once' || !attempted.stored))
    yield { check: 'duplicated', what: `${sn} may run once: ${runsOf(call)}` }
  for (const run of runs) {
    if (run.sum !== attempted.sum) yield { check: 'body changed', what: `${sn} reached ${run.worker} with another body` }
  }
  for (const end of endsOf(call)) {
    if (end.e === 'ok' && !runs.some(({ result }) => result === end.result))
      yield { check: 'result from nowhere', what: `${sn} is told to be ${end.result}, which nobody has written down` }
  }
}
