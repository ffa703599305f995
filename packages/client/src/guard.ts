/** Asks the guard of a method, inside its call. Fails closed: whatever is not a clear yes is a refusal. */
import { runInCall, WaybillError } from '@waybill/core'
import type { IncomingCall } from './incoming-call.js'

/** What a guard may say itself; anything else that it throws is its own fault. */
const ITS_OWN: ReadonlySet<string> = new Set(['Forbidden', 'Unauthorized', 'Rejected'])

type Verdict = WaybillError | undefined

/** Undefined lets the call start. Never throws and never rejects. `report` takes note of a fault, and returns its number. */
export function askGuard(call: IncomingCall, report: (thrown: unknown) => string): Verdict | Promise<Verdict> {
  const { guard } = call.contract
  if (guard === undefined) return undefined
  const refused = (thrown: unknown): WaybillError => {
    if (thrown instanceof WaybillError && ITS_OWN.has(thrown.code)) return thrown
    const incident = report(thrown)
    return forbidden(call, `, as its guard failed; incident ${incident}`, { incident })
  }
  const verdict = (answer: unknown): Verdict => (answer === true ? undefined : forbidden(call, ''))
  try {
    const answer: unknown = runInCall(call, () => guard.call(undefined, call, call.args))
    if (typeof answer !== 'object' || answer === null) return verdict(answer)
    return Promise.resolve(answer).then(verdict, refused)
  } catch (thrown) {
    return refused(thrown)
  }
}

function forbidden({ service, method }: IncomingCall, why: string, details?: object): WaybillError {
  return new WaybillError('Forbidden', `${service}.${method} is not for this caller${why}`, details && { details })
}
