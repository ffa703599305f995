/** What a client says of its connection to whoever listens. */
import type { WaybillError } from '@waybill/core'

/** What happens to a client's connection. */
export type ConnectionStatus =
  | { readonly kind: 'connected'; readonly router: string; readonly name: string }
  /** The session is gone: calls that were under way have ended with `RouterLost`. The client goes on looking for the router. */
  | { readonly kind: 'lost'; readonly reason: string }
  /** The router refused in a new session what it had accepted in the one before: nobody can call the services now. */
  | { readonly kind: 'notOffered'; readonly error: WaybillError }
  /** The router would not take an event that was published. */
  | { readonly kind: 'notPublished'; readonly topic: string; readonly error: WaybillError }
  /** A call that an earlier process of this client left in the outbox was not stored, or nobody knows. */
  | { readonly kind: 'notSent'; readonly sn: string; readonly error: WaybillError }
  /** The router asked for it: the services were taken back for good, and what runs is let end. */
  | { readonly kind: 'draining' }
  /** Nothing runs any longer. The program may expose again, or end. */
  | { readonly kind: 'drained' }
  /** For good. */
  | { readonly kind: 'closed'; readonly error: WaybillError | undefined }
