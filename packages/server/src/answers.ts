/** What the router itself says to a caller, with the extension field of the caller's own data: refusals before a call was handed over, and ends that it decides. */
import { executedFlag, FrameType, prepareBody, type Executed, type WaybillError } from '@waybill/core'
import type { Session } from './model.js'

/** The call was refused before anybody could start it. */
export function reject(caller: Session, call: number, error: WaybillError, data?: Uint8Array): void {
  const body = prepareBody(rejectionBody(error))
  caller.channel.write({ type: FrameType.rejected, destination: caller.symbol, call }, data, body)
}

/** The call ended otherwise than by its callee's word. */
export function except(caller: Session, call: number, error: WaybillError, executed: Executed, data?: Uint8Array): void {
  const body = prepareBody(outcomeBody(error))
  caller.channel.write({ type: FrameType.exception, flags: executedFlag(executed), destination: caller.symbol, call }, data, body)
}

export function rejectionBody({ code, message, details }: WaybillError): object {
  return { code, description: message, ...(details !== undefined && { details }) }
}

export function outcomeBody({ code, message, details }: WaybillError): object {
  return { exval: message, code, ...(details !== undefined && { details }) }
}
