/** What is said of an item to a receiver that speaks HTTP, in headers: whoever knows only the address for the answer needs no others. */
import type { Item } from './receiver.js'

/** `base`: where the router is reached, without a slash at the end. */
export function itemHeaders({ id, kind, sn, from, attempt, head }: Item, base: string): Record<string, string> {
  const shared = { ...head, 'waybill-kind': kind, 'waybill-receipt': sn, 'waybill-received': `${base}/received/${id}` }
  if (kind !== 'parcel') return shared
  return {
    ...shared,
    'waybill-postback': `${base}/postback/${id}`,
    'waybill-from': from,
    ...(attempt > 1 && { 'waybill-attempt': String(attempt) }),
  }
}
