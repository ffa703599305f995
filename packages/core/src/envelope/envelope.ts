/**
 * The envelope: what a frame of a call means, in words instead of numbers. The binary header and the JSON form
 * carry the same envelope; `binary.ts` and `json.ts` convert, and a test converts both ways.
 */
import type { Executed } from '../errors/index.js'

/** The protocol's version as envelopes carry it; the version of a class stands in the destination (`Dog@^1`). */
export const ENVELOPE_VERSION = '1.0'

export interface EnvelopeHead {
  /** UUID, minted by the caller. */
  readonly sn: string
  readonly version: string
  /** `[sender, destination]`; the sender is stamped by the router. */
  readonly routing: readonly [sender: string | null, destination: string]
  /** Where status and outcome go; without it nothing comes back. */
  readonly replyto?: string
  /** ISO 8601, UTC. */
  readonly timestamp?: string
  /** The caller's own, returned in every status and in the outcome. */
  readonly data?: unknown
  /** Milliseconds that remain, at least 1: on the wire 0 stands for no limit. */
  readonly ttl?: number
  /** Fields of the JSON form that this version does not know; they travel on unchanged. */
  readonly unknown?: Readonly<Record<string, unknown>>
}

export interface RequestContent {
  readonly classname: string
  readonly method: string
  readonly args: readonly unknown[]
  readonly kws?: Readonly<Record<string, unknown>>
  readonly cntr?: readonly [readonly unknown[], Readonly<Record<string, unknown>>] | null
}

export interface ExceptionContent {
  /** The message; with the trace only where the service opted in. */
  readonly exval: string
  readonly xclass?: string
  readonly xmodule?: string
  readonly xstate?: Readonly<Record<string, unknown>>
  readonly xargs?: readonly unknown[]
  /** One of the codes, for an error of Waybill itself. */
  readonly code?: string
  readonly details?: unknown
  readonly incident?: string
  readonly executed?: Executed
}

export type EnvelopeContent =
  | { readonly kind: 'request'; readonly request: RequestContent }
  | { readonly kind: 'accepted' }
  | { readonly kind: 'started' }
  | { readonly kind: 'progress'; readonly total: number; readonly completed: number; readonly details?: unknown }
  | { readonly kind: 'rejected'; readonly code: string; readonly description: string; readonly details?: unknown }
  | { readonly kind: 'result'; readonly retval: unknown }
  | { readonly kind: 'exception'; readonly exception: ExceptionContent }
  /** The caller no longer wants the outcome. */
  | { readonly kind: 'cancel'; readonly reason?: string }

export type Envelope = EnvelopeHead & EnvelopeContent
