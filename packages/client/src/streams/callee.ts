/** The streams of a call at its callee. Those of its result have credit from the beginning; those in its arguments are given it when they are read. */
import { iterateInCall, streamConstants, WaybillError } from '@waybill/core'
import type { BodyLimits } from '@waybill/core'
import type { IncomingCall } from '../incoming-call.js'
import { Flows } from './flows.js'
import type { FlowEnd } from './outflow.js'
import type { Steps } from './steps.js'

export interface CalleeStreams {
  readonly limits: BodyLimits
  readonly broken: (call: IncomingCall, error: WaybillError) => void
  readonly sent: (call: IncomingCall, result: FlowEnd | undefined) => void
}

export function calleeFlows(call: IncomingCall, { limits, broken, sent }: CalleeStreams): Flows {
  return new Flows({
    limits,
    errors: call.contract.errors,
    ownCredit: streamConstants.windowBytes,
    theirCredit: 0,
    within: (steps) => iterateInCall(call, steps as Parameters<typeof iterateInCall>[1]) as Steps,
    broken: (error) => broken(call, error),
    unwanted: () => call.abort(new WaybillError('Cancelled', 'the caller reads no more of the stream', { executed: 'maybe' })),
    sent: (result) => sent(call, result),
  })
}
