/** What a receipt says of a parcel: whether a receiver has it, and why it can be answered no more. Pure. */
import { WaybillError } from '@waybill/core'
import type { Receipt } from '../model.js'
import type { Registration } from './registrations.js'

/** Those that were acknowledged and not answered, by the name of who has them. */
export function byReceiver(receipts: Iterable<Receipt>): ReadonlyMap<string, readonly Receipt[]> {
  const found = new Map<string, Receipt[]>()
  for (const receipt of receipts) {
    const { lease, endedMs, state } = receipt
    if (lease === undefined || endedMs !== undefined || (state !== 'started' && state !== 'accepted')) continue
    const before = found.get(lease.client)
    if (before === undefined) found.set(lease.client, [receipt])
    else before.push(receipt)
  }
  return found
}

/** Of this one and not of another client that had the name. */
export function isOf({ lease }: Receipt, { principal, incarnation }: Registration): boolean {
  return lease?.principal === principal && lease.incarnation === incarnation
}

export function overOf(receipt: Receipt | undefined): WaybillError {
  const state = receipt?.state
  if (state === 'succeeded' || state === 'failed' || state === 'rejected')
    return new WaybillError('Answered', 'the parcel has its answer already; the first one stays', { executed: 'yes', details: { state } })
  const why = state === undefined ? 'and its receipt is kept no more' : `it is ${state}`
  return new WaybillError('Expired', `the parcel can be answered no more: its time is over, ${why}`, { details: { state } })
}
