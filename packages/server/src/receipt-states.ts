/** What the states of a stored call mean: which of them its callee's words make, and which ends leave a dead letter, and why. Pure. */
import type { DeadReason, ReceiptState, RouterEvent } from '@waybill/core'

/** What a word of its callee makes of a call. */
export function stateAfter(event: RouterEvent, isCancelled: boolean): ReceiptState | undefined {
  switch (event) {
    case 'accepted':
      return 'accepted'
    case 'started':
    case 'progress':
      return 'started'
    case 'result':
      return 'succeeded'
    case 'rejected':
      return 'rejected'
    case 'exception':
      return isCancelled ? 'cancelled' : 'failed'
    default:
      return undefined
  }
}

/** Why it was refused, by the code of the refusal; all others are the callee's own. */
const refusals: Readonly<Partial<Record<string, DeadReason>>> = {
  NoSuchService: 'no_target',
  NoSuchVersion: 'no_target',
  NoSuchClient: 'no_target',
  NoSuchMethod: 'no_method',
  BadArguments: 'undecodable',
  NotRepresentable: 'undecodable',
  TooLarge: 'too_large',
  HopLimit: 'hop_limit',
  Forbidden: 'unauthorized',
  Unauthorized: 'unauthorized',
}

/** Undefined where the end leaves no dead letter. */
export function deadReasonOf(state: ReceiptState, code: string | undefined): DeadReason | undefined {
  switch (state) {
    case 'dead':
      return 'max_attempts'
    case 'expired':
      return 'expired'
    case 'indeterminate':
      return 'indeterminate'
    case 'rejected':
      return (code !== undefined && Object.hasOwn(refusals, code) ? refusals[code] : undefined) ?? 'rejected'
    default:
      return undefined
  }
}

/** Somebody may want the call again, so that what it asked for is kept as long as its receipt. */
export function isDeadLetter(state: ReceiptState): boolean {
  return deadReasonOf(state, undefined) !== undefined
}
