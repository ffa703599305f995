/** Errors that several parts of the router say in the same words; and what callees say that refuse a call. */
import { Flag, FrameType, parseBody, quoted, WaybillError, type FrameReader, type ReceiptState } from '@waybill/core'
import type { Cause, Instance, Session } from './model.js'

export function workerLost(callee: string, reason: string, details?: Declared): WaybillError {
  return new WaybillError('WorkerLost', `${callee}, which had the call, ${reason}`, { details })
}

/** What a callee said of a method that it can no longer answer for. */
export interface Declared {
  readonly idempotent: true
}

/** Who asks for another attempt has it only then. */
export function declaredBy(callee: Instance | undefined, method: string | undefined): Declared | undefined {
  return method !== undefined && callee?.offer.idempotent.has(method) === true ? { idempotent: true } : undefined
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
  return new WaybillError('WorkerLost', `an instance that had the call was lost, and the next one refused it: ${quoted(description)}`)
}

export interface Refusal {
  /** `Overloaded`: the callee has no room after all, or leaves, and has not begun. */
  readonly code: string | undefined
  /** As much of it as is worth keeping. */
  readonly description: string
  /** What it asks for, 0 where it does not. */
  readonly retryAfterMs: number
}

export function noSuchReceipt(sn: string): WaybillError {
  const why = `you have no receipt ${quoted(sn)} here; receipts in memory end with the router that gave them`
  return new WaybillError('NoSuchReceipt', why, { executed: 'no' })
}

/** The call may have come before, and run: its receipt is kept no more. `state`: how it ended, where that is known. */
export function cameBefore(state: ReceiptState | undefined): WaybillError {
  const what = state === undefined ? 'may have come before, too long ago to be known' : `came before and has ended (${state})`
  return new WaybillError('NoSuchReceipt', `the call ${what}; no receipt of it is kept, and it is not run again`, {
    ...(state !== undefined && { details: { state } }),
  })
}

const MOST_CHARACTERS = 1024
const MOST_CODE_CHARACTERS = 64

/** Rejections are Waybill's own words, never the payload. */
export function readRefusal(frame: FrameReader): Refusal {
  try {
    const { code, description, details } = (parseBody(frame.encoding, frame.body()) ?? {}) as Record<string, unknown>
    const { retryAfterMs } = (details ?? {}) as { retryAfterMs?: unknown }
    return {
      code: typeof code === 'string' ? code.slice(0, MOST_CODE_CHARACTERS) : undefined,
      description: typeof description === 'string' ? description.slice(0, MOST_CHARACTERS) : '',
      retryAfterMs: typeof retryAfterMs === 'number' && retryAfterMs > 0 ? retryAfterMs : 0,
    }
  } catch {
    return { code: undefined, description: '', retryAfterMs: 0 }
  }
}

/** Why a call ended, as it is remembered. */
export function causeOf({ code, message }: WaybillError): Cause {
  return { code, message: message.slice(0, MOST_CHARACTERS) }
}

/** The same of what its callee said. */
export function refusalCause(frame: FrameReader): Cause | undefined {
  if (frame.type !== FrameType.rejected || (frame.flags & Flag.more) !== 0) return undefined
  const { code = 'Rejected', description: message } = readRefusal(frame)
  return { code, message }
}
