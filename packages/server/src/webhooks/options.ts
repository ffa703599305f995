/** What the operator says of webhooks, with its checks and defaults. */
import { WaybillError } from '@waybill/core'
import type { Openings } from './origins.js'

export interface WebhookOptions extends Openings {
  /** What clients may register: `https://hooks.example.com`, with `*` as the port for any, `*.example.com` for all names below one, `https://*` for all
   * public hosts. Default, where `loopback` is said: this machine, any port. */
  readonly origins?: readonly string[]
  /** Addresses of this machine too: `127.0.0.1`, `localhost`, `[::1]`. Default false. */
  readonly loopback?: boolean
  /** Hosts that `origins` names may lead to addresses of private networks. Default false. */
  readonly private?: boolean
  /** Further authorities, PEM, that the certificates of receivers may be of. */
  readonly ca?: string
  /** At least 32 bytes, from which the key of each registration is made. Default: a secret of the store. */
  readonly signingKey?: string | Uint8Array
  /** Until a connection stands: name, TCP and TLS together. Default 5 s. */
  readonly connectMs?: number
  /** How long a receiver may take no byte of a body. Default 30 s. */
  readonly idleMs?: number
  /** From the last byte of the body to the last of the answer. Default 30 s. */
  readonly answerMs?: number
  /** For all of it. Default 1 h. */
  readonly timeoutMs?: number
  /** Under way at once. Default 1024. */
  readonly maxPosts?: number
}

export interface WebhookLimits {
  readonly connectMs: number
  readonly idleMs: number
  readonly answerMs: number
  readonly timeoutMs: number
  readonly maxPosts: number
}

export const webhookLimits: WebhookLimits = {
  connectMs: 5000,
  idleMs: 30_000,
  answerMs: 30_000,
  timeoutMs: 3_600_000,
  maxPosts: 1024,
}

/** What is kept of an answer; the rest is not read. */
export const MAX_ANSWER_BYTES = 64 * 1024
export const MAX_ANSWER_HEAD_BYTES = 16 * 1024
const MIN_KEY_BYTES = 32

/** Throws `BadArguments`. */
export function limitsOf(options: WebhookOptions = {}): WebhookLimits {
  const limits = { ...webhookLimits }
  for (const name of Object.keys(webhookLimits) as (keyof WebhookLimits)[]) {
    const value = options[name]
    if (value === undefined) continue
    if (!Number.isFinite(value) || value < 1)
      throw new WaybillError('BadArguments', `webhooks.${name} is ${value}, which is not a number from 1 on`)
    limits[name] = value
  }
  return limits
}

/** Throws `BadArguments`. */
export function signingKeyOf({ signingKey }: WebhookOptions = {}): Uint8Array | undefined {
  if (signingKey === undefined) return undefined
  const bytes = typeof signingKey === 'string' ? new TextEncoder().encode(signingKey) : signingKey
  if (bytes.byteLength < MIN_KEY_BYTES) throw new WaybillError('BadArguments', `webhooks.signingKey has fewer than ${MIN_KEY_BYTES} bytes`)
  return bytes
}
