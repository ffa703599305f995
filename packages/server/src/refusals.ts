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

/** What waits for a client is as much as it may be: it is answered when it has taken some of that. */
export function notTaken(): WaybillError {
  return new WaybillError('Overloaded', 'you have not taken what the router answered before', { details: { retryAfterMs: 100 } })
}

/** A stored call whose outcome goes on past the limit that its callee was told, or past what the router may keep. */
export function noRoomForOutcome(): WaybillError {
  return new WaybillError('TooLarge', 'the outcome is longer than the router may keep')
}

export function refusedAfterLoss(description: string): WaybillError {
  return new WaybillError('WorkerLost', `an instance that had the call was lost, and the next one refused it: ${description}`)
}
