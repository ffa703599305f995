/** What is said of spools that cannot go on, wherever they are. */
import { WaybillError } from '@waybill/core'

/** `bytes`: how long it would have become at least. */
export function noRoom(where: string, bytes: number, cause?: unknown): WaybillError {
  return new WaybillError('Overloaded', `there is no room in ${where} for ${bytes} bytes: nothing is kept of what came`, {
    executed: 'no',
    details: { retryAfterMs: 1000 },
    cause,
  })
}

export function spoolEnded(): WaybillError {
  return new WaybillError('Closed', 'the spool was ended')
}
