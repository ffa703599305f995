/**
 * What is written down while faults happen: one JSON object a line, appended by the process that knows it before anything else follows from it.
 * The checker knows nothing but these lines.
 */
import type { Durability, Executed, ReceiptState } from '@waybill/core'

/** On every line. */
export interface Stamp {
  /** Monotonic milliseconds, of the machine. */
  readonly t: number
  /** Milliseconds since 1970, for people. */
  readonly w: number
  /** Which process, and which start of it: `worker-2.7`. */
  readonly i: string
}

/** `once`: at most once. `again`: declared idempotent. `nobody`: a service that is never offered. */
export type Class = 'once' | 'again' | 'nobody'

/** How a call ended, as somebody was told. */
export type Told =
  | { readonly e: 'ok'; readonly sn: string; readonly result: string }
  | { readonly e: 'failed'; readonly sn: string; readonly code: string; readonly executed: Exclude<Executed, 'maybe'> }
  | { readonly e: 'indeterminate'; readonly sn: string; readonly code: string }

export interface Attempted {
  readonly e: 'attempted'
  readonly sn: string
  readonly cls: Class
  /** Whether the router is to store it. */
  readonly stored: boolean
  readonly key?: string
  /** Which call of this process it is. */
  readonly n: number
  readonly bytes: number
  /** Checksum of its body. */
  readonly sum: number
}

export type CallerLine =
  | Attempted
  | { readonly e: 'stored'; readonly sn: string; readonly durability: Durability; readonly duplicate?: boolean }
  | Told
  /** Acknowledged to a former start of this caller, which was not told the end. */
  | { readonly e: 'inherited'; readonly sn: string }
  /** The router knows nothing of a call that it acknowledged. */
  | { readonly e: 'gone'; readonly sn: string }
  | { readonly e: 'drained' }

export type WorkerLine =
  | {
      readonly e: 'started'
      readonly sn: string
      readonly attempt: number
      readonly cls: Class
      readonly key?: string
      readonly sum: number
    }
  | { readonly e: 'finished'; readonly sn: string; readonly attempt: number; readonly result: string }
  | { readonly e: 'threw'; readonly sn: string; readonly attempt: number }

/** Of any client. */
export type ClientLine = { readonly e: 'connected' } | { readonly e: 'lost'; readonly reason: string }

export type HarnessLine =
  | { readonly e: 'router-spawned' }
  | { readonly e: 'router-ready'; readonly tookMs: number }
  /** By us, or asked to by us. */
  | { readonly e: 'ended'; readonly who: string; readonly how: 'killed' | 'asked' }
  /** By itself, which no process may. */
  | { readonly e: 'died'; readonly who: string; readonly how: string }
  | { readonly e: 'spawned'; readonly who: string }
  /** Somebody could not be reached, or could not answer, for so long: what it held may be given up. */
  | { readonly e: 'away'; readonly who: string; readonly why: string; readonly forMs: number }
  | { readonly e: 'fault'; readonly what: string; readonly who: string }
  /** What is wrong with the router's disk from its start on. */
  | { readonly e: 'disk'; readonly what: string }
  | { readonly e: 'healed' }
  | { readonly e: 'undrained'; readonly who: string; readonly open: number }

/** What the router says in the end of each call that was to be stored. */
export type AuditLine =
  | (Told & { readonly audit: true })
  | { readonly e: 'absent'; readonly sn: string }
  | { readonly e: 'pending'; readonly sn: string; readonly state: ReceiptState }

export type Line = Stamp & (CallerLine | WorkerLine | ClientLine | HarnessLine | AuditLine)
