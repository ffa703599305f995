/** What a client may ask of dead letters: a list, and which of them are kept no longer. Reads arguments; `Receipts` does the work. */
import { type DeadLetter, type DeadReason } from '@waybill/core'
import type { Receipt } from '../model.js'
import { deadReasonOf } from '../receipt-states.js'
import { bad, readQuery, readSelection, receiptInfo, type Selection } from './receipts-api.js'

const known: ReadonlySet<string> = new Set(['sn', 'client', 'service', 'method', 'key', 'data', 'reason', 'redriven', 'everyone', 'limit'])
const reasons: Readonly<Record<DeadReason, true>> = {
  max_attempts: true,
  expired: true,
  indeterminate: true,
  no_target: true,
  no_method: true,
  rejected: true,
  undecodable: true,
  too_large: true,
  hop_limit: true,
  unauthorized: true,
}

/** Throws `BadArguments`. */
export function readDeadSelection(value: unknown): Selection {
  const { reason, redriven, everyone, ...rest } = readQuery(value, known)
  if (reason !== undefined && !Object.hasOwn(reasons, reason as string))
    throw bad(`reason is not one of ${Object.keys(reasons).join(', ')}`)
  const isOfAll = flag(everyone, 'everyone') ?? false
  const isRedriven = flag(redriven, 'redriven')
  const selection = readSelection(rest)
  return {
    ...selection,
    isOfAll,
    isDead: true,
    fits: (receipt) => {
      const found = reasonOf(receipt)
      if (found === undefined || (reason !== undefined && reason !== found)) return false
      if (isRedriven !== undefined && isRedriven !== (receipt.redrivenAs !== undefined)) return false
      return selection.fits(receipt)
    },
  }
}

/** To purge needs more than a limit, as to cancel does. Throws `BadArguments`. */
export function readPurgeSelection(value: unknown): Selection {
  const names = typeof value === 'object' && value !== null ? Object.keys(value) : []
  if (names.every((name) => name === 'limit' || name === 'everyone'))
    throw bad('say which dead letters to purge: sn, reason, client, service, method, key, data or redriven')
  const selection = readDeadSelection(value)
  // Who is to be told of it has not been.
  return { ...selection, fits: (receipt) => !receipt.isOwed && selection.fits(receipt) }
}

/** Of one that is a dead letter. */
export function deadLetter(receipt: Receipt, isWhole: boolean): DeadLetter {
  return { ...receiptInfo(receipt, isWhole), reason: reasonOf(receipt)!, principal: receipt.principal }
}

/** Undefined where it is none, or not yet. */
export function reasonOf({ hasEnded, state, cause }: Receipt): DeadReason | undefined {
  return hasEnded ? deadReasonOf(state, cause?.code) : undefined
}

function flag(value: unknown, name: string): boolean | undefined {
  if (value === undefined || typeof value === 'boolean') return value
  throw bad(`${name} is neither true nor false`)
}
