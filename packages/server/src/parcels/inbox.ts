/** The service by which clients take parcels. A client of any kind may offer it; its one method takes a parcel and gives one, or nothing. */
export const INBOX = 'waybill.Inbox'
export const RECEIVE = 'receive'
export const INBOX_VERSION = '1.0.0'

export function inboxOf(client: string): string {
  return `${client}/${INBOX}`
}
