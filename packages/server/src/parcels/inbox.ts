/** The service by which clients take parcels. A client of any kind may offer it; its one method takes a parcel and gives one, or nothing. */
import type { Offer } from '../model.js'

export const INBOX = 'waybill.Inbox'
export const RECEIVE = 'receive'
export const INBOX_VERSION = '1.0.0'

export function inboxOf(client: string): string {
  return `${client}/${INBOX}`
}

/** What a client in the router's own process offers that takes parcels under this name: at least once, until they are acknowledged. */
export function offerOf(service: string, concurrency: number): Offer {
  const methods = [RECEIVE]
  return { service, version: INBOX_VERSION, labels: {}, concurrency, methods, idempotent: new Set(methods), perCaller: false }
}
