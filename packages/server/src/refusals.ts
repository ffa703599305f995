/** Errors that several parts of the router say in the same words. */
import { WaybillError } from '@waybill/core'
import type { Session } from './model.js'

export function workerLost(callee: Session, reason: string): WaybillError {
  return new WaybillError('WorkerLost', `${callee.name}, which had the call, ${reason}`)
}

export function gone(callee: Session): WaybillError {
  return new WaybillError('Overloaded', `${callee.name} left before the call could be sent to it`, { details: { retryAfterMs: 0 } })
}

export function tooMany(count: number): WaybillError {
  return new WaybillError('Overloaded', `there are ${count} calls pending, as many as this router allows`, {
    details: { retryAfterMs: 100 },
  })
}
