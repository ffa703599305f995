/** Calls that are to fail, and what is said of them. */
import { WaybillError } from '@waybill/client'
import { detail, failure } from '../show.js'

/** Why a call failed; that it did not would be the failure here. */
export async function failureOf(call: PromiseLike<unknown>): Promise<unknown> {
  try {
    await call
  } catch (thrown) {
    return thrown
  }
  throw new Error('this call should have failed')
}

export function tellOf(what: string, error: unknown): void {
  if (!(error instanceof WaybillError)) throw error
  failure(`${what}  ${error.code}, executed: ${error.executed}`)
  detail(`${error.message}${issueOf(error.details)}`)
}

/** What the contract said of the arguments. */
function issueOf(details: unknown): string {
  const { issues } = (details ?? {}) as { issues?: readonly { message: string }[] }
  return issues?.[0] === undefined ? '' : `: ${issues[0].message}`
}
