/**
 * What says that a post is the router's: `Waybill-Signature`, an HMAC-SHA256 under a key of one registration, over time, address, length and digest of
 * the body, and the headers that it names. Owns the bytes that are signed, as PROTOCOL.md has them, and how keys are made; keeps none.
 *
 * HMAC and not Ed25519: every language has it in its standard library, Python and a shell with `openssl` too; and as each registration has a key of its
 * own, who knows one can forge posts to himself alone.
 */
import { createHash, createHmac } from 'node:crypto'

/** Whose key it is. One that was registered at another time has another: registering again replaces a key that has leaked. */
export interface Registered {
  readonly principal: string
  readonly name: string
  readonly address: string
  readonly registeredMs: number
}

/** Known to those who look for secrets in places where none should be. */
const PREFIX = 'waybill_hook_'

/** The key as its receiver is given it. Made anew of the secret each time, so that it is kept nowhere; it tells nothing of the secret. */
export function registrationKey(secret: Uint8Array, { principal, name, address, registeredMs }: Registered): string {
  const of = JSON.stringify(['waybill-webhook-key-1', principal, name, address, registeredMs])
  return `${PREFIX}${createHmac('sha256', secret).update(of).digest('base64url')}`
}

export interface Signed {
  readonly address: string
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  readonly bytes: number
  /** SHA-256 of the body in hexadecimal; undefined where it is not known before it is sent. */
  readonly sha256: string | undefined
  /** Unix milliseconds. */
  readonly atMs: number
}

/** Each line ends with a line feed, which no part of it can hold. */
export function signedText({ address, headers, bytes, sha256, atMs }: Signed): string {
  const named = Object.keys(headers)
    .toSorted()
    .map((name) => `${name}: ${headers[name]}`)
  return ['waybill-webhook-1', Math.floor(atMs), address, bytes, sha256 ?? '', ...named].map((line) => `${line}\n`).join('')
}

/** The value of `Waybill-Signature`. */
export function signatureOf(key: string, signed: Signed): string {
  const hmac = createHmac('sha256', key).update(signedText(signed)).digest('hex')
  const names = Object.keys(signed.headers).toSorted().join(' ')
  return `t=${Math.floor(signed.atMs)}; sha256=${signed.sha256 ?? ''}; headers=${names}; hmac=${hmac}`
}

export function sha256Of(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('hex')
}
