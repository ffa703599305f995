/** What a receipt says of a parcel: whether a receiver has it, and why it can be answered no more. Pure. */
import { WaybillError } from '@waybill/core'
import type { Receipt } from '../model.js'
import type { Registration } from './registrations.js'

/** It was acknowledged. */
export function isReceivedBy({ lease, endedMs, state }: Receipt, { name, principal, incarnation }: Registration): boolean {
  if (lease === undefined || endedMs !== undefined || (state !== 'started' && state !== 'accepted')) return false
  return lease.client === name && lease.principal === principal && lease.incarnation === incarnation
}

export function overOf(receipt: Receipt | undefined): WaybillError {
  const state = receipt?.state
  if (state === 'succeeded' || state === 'failed' || state === 'rejected')
    return new WaybillError('Answered', 'the parcel has its answer already; the first one stays', { executed: 'yes', details: { state } })
  const why = state === undefined ? 'and its receipt is kept no more' : `it is ${state}`
  return new WaybillError('Expired', `the parcel can be answered no more: its time is over, ${why}`, { details: { state } })
}
