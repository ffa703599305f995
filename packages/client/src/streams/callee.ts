/** The streams of a call at its callee. Those of its result have credit from the beginning; those in its arguments are given it when they are read. */
import { iterateInCall, streamConstants, WaybillError } from '@waybill/core'
import type { BodyLimits, CurrentCall, MethodContract } from '@waybill/core'
import { Flows } from './flows.js'
import type { FlowEnd } from './outflow.js'
import type { Steps } from './steps.js'

/** What is needed of a call that runs. */
export interface Streaming extends CurrentCall {
  readonly contract: MethodContract
  abort(reason: unknown): void
}

export interface CalleeStreams<C extends Streaming> {
  readonly limits: BodyLimits
  /** All streams that the method gave have ended; `result` is how that one did which is the result itself. */
  readonly sent: (call: C, result: FlowEnd | undefined) => void
}

export function calleeFlows<C extends Streaming>(call: C, { limits, sent }: CalleeStreams<C>): Flows {
  return new Flows({
    limits,
    errors: call.contract.errors,
    ownCredit: streamConstants.windowBytes,
    theirCredit: 0,
    within: (steps) => iterateInCall(call, steps as Parameters<typeof iterateInCall>[1]) as Steps,
    // Whoever reads the stream is told by it; the method may end as it likes.
    broken: (error) => call.abort(error),
    unwanted: () => call.abort(new WaybillError('Cancelled', 'the caller reads no more of the stream', { executed: 'maybe' })),
    sent: (result) => sent(call, result),
  })
}
