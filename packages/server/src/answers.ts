/** What the router itself says to a caller, with the extension field of the caller's own data: refusals before a call was handed over, and ends that it decides. */
import { executedFlag, FrameType, prepareBody, type Executed, type WaybillError } from '@waybill/core'
import type { Session } from './model.js'

/** The call was refused before anybody could start it. */
export function reject(caller: Session, call: number, error: WaybillError, data?: Uint8Array): void {
  const body = prepareBody({ code: error.code, description: error.message, ...(error.details !== undefined && { details: error.details }) })
  caller.channel.write({ type: FrameType.rejected, destination: caller.symbol, call }, data, body)
}

/** The call ended otherwise than by its callee's word. */
export function except(caller: Session, call: number, error: WaybillError, executed: Executed, data?: Uint8Array): void {
  const body = prepareBody({ exval: error.message, code: error.code, ...(error.details !== undefined && { details: error.details }) })
  caller.channel.write({ type: FrameType.exception, flags: executedFlag(executed), destination: caller.symbol, call }, data, body)
}
