/**
 * Signed messages of the JSON door: `{ message, signature }`, where `message` is the exact text of another message. Owns the keys, the bytes that are
 * signed, and the memory of what was taken already; fails closed. Knows nothing of what the messages say.
 */
import { createHash, createHmac, createPrivateKey, createPublicKey, sign, timingSafeEqual, verify, type KeyObject } from 'node:crypto'
import { isName, quoted, WaybillError } from '@waybill/core'

export type SigningKey =
  /** At least 32 bytes, which both sides know. */
  | { readonly algorithm: 'hmac-sha256'; readonly secret: string | Uint8Array; readonly principal?: string }
  /** PEM: the public half for what clients sign, the private one for what the router signs. */
  | { readonly algorithm: 'ed25519'; readonly publicKey?: string; readonly privateKey?: string; readonly principal?: string }

export interface SigningOptions {
  /** By key id. A key with a `principal` is good for connections of that principal alone. */
  readonly keys: Readonly<Record<string, SigningKey>>
  /** The key id that the router signs with. */
  readonly own: string
  /** Every JSON connection has to sign; else those do that begin with a signature. */
  readonly required?: boolean
}

export interface Signature {
  readonly keyId: string
  readonly algorithm: string
  /** Unix milliseconds. */
  readonly created: number
  readonly expires: number
  readonly audience: string
  /** Base64. */
  readonly value: string
}

export const MAX_VALIDITY_MS = 5 * 60 * 1000
/** How far ahead of ours the clock of who signs may be. */
const MAX_AHEAD_MS = 30 * 1000
/** Messages that are still valid and were taken; when there are more, no further one is taken. */
const MOST_REMEMBERED = 65_536
const MIN_SECRET_BYTES = 32

interface Key {
  readonly algorithm: SigningKey['algorithm']
  readonly secret: Buffer | undefined
  readonly publicKey: KeyObject | undefined
  readonly privateKey: KeyObject | undefined
  readonly principal: string | undefined
}

export class Signer {
  readonly required: boolean
  readonly #keys: ReadonlyMap<string, Key>
  readonly #own: string
  readonly #most: number
  /** Digest of what was signed and taken → when it expires. */
  readonly #taken = new Map<string, number>()

  /** Throws `BadArguments` for keys that cannot be used. */
  constructor({ keys, own, required = false }: SigningOptions, mostRemembered: number = MOST_REMEMBERED) {
    this.#most = mostRemembered
    this.#keys = new Map(Object.entries(keys).map(([id, key]) => [id, readKey(id, key)]))
    this.#own = own
    this.required = required
    const key = this.#keys.get(own)
    if (key === undefined || (key.secret === undefined && key.privateKey === undefined))
      throw new WaybillError('BadArguments', `signing.own: there is no key ${quoted(own)} to sign with`)
  }

  /** Throws `Unauthorized`, with what is wrong in `details.reason`, or `Overloaded`. Takes each signature once. */
  check(message: Uint8Array, signature: Signature, audience: string, nowMs: number): void {
    const { keyId, algorithm, created, expires, value } = signature
    const key = this.#keys.get(keyId)
    if (key === undefined) throw refused('keyId', `there is no key ${quoted(keyId)}`)
    if (key.algorithm !== algorithm) throw refused('algorithm', `the key ${keyId} is one for ${key.algorithm}`)
    if (signature.audience !== audience) throw refused('audience', `it is meant for ${quoted(signature.audience)}, not for ${audience}`)
    if (expires - created > MAX_VALIDITY_MS || expires <= created) throw refused('expires', `it is valid for 1 to ${MAX_VALIDITY_MS} ms`)
    if (created > nowMs + MAX_AHEAD_MS) throw refused('created', 'it was made in the future')
    if (expires <= nowMs) throw refused('expires', 'it has expired')
    const bytes = signedBytes(signature, message)
    if (!isRight(key, bytes, Buffer.from(value, 'base64'))) throw refused('value', 'it is not the right one')
    // Of what was signed: another value that is right for the same bytes is no other message.
    this.#take(createHash('sha256').update(bytes).digest('base64'), expires, nowMs)
  }

  /** Throws `Forbidden` where the key is another principal's. */
  checkPrincipal(keyId: string, principal: string): void {
    const bound = this.#keys.get(keyId)?.principal
    if (bound !== undefined && bound !== principal) throw new WaybillError('Forbidden', `the key ${keyId} is not one of ${principal}`)
  }

  sign(message: string, audience: string, nowMs: number): Signature {
    const key = this.#keys.get(this.#own)!
    const created = Math.floor(nowMs)
    const unsigned = { keyId: this.#own, algorithm: key.algorithm, created, expires: created + MAX_VALIDITY_MS, audience, value: '' }
    const bytes = signedBytes(unsigned, Buffer.from(message))
    const value = key.secret === undefined ? sign(null, bytes, key.privateKey!) : createHmac('sha256', key.secret).update(bytes).digest()
    return { ...unsigned, value: value.toString('base64') }
  }

  #take(digest: string, expires: number, nowMs: number): void {
    if (this.#taken.has(digest)) throw refused('replay', 'it was taken before')
    if (this.#taken.size >= this.#most) {
      for (const [old, until] of this.#taken) if (until <= nowMs) this.#taken.delete(old)
      if (this.#taken.size >= this.#most) throw new WaybillError('Overloaded', 'too many signed messages are still valid')
    }
    this.#taken.set(digest, expires)
  }
}

/** What is signed: the fields of the signature but its value, a line each, then the message. */
export function signedBytes({ keyId, algorithm, created, expires, audience }: Signature, message: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`waybill-signature-1\n${keyId}\n${algorithm}\n${created}\n${expires}\n${audience}\n`), message])
}

function isRight(key: Key, bytes: Buffer, given: Buffer): boolean {
  if (key.secret === undefined) return key.publicKey !== undefined && verify(null, bytes, key.publicKey, given)
  const right = createHmac('sha256', key.secret).update(bytes).digest()
  return given.byteLength === right.byteLength && timingSafeEqual(given, right)
}

function readKey(id: string, key: SigningKey): Key {
  if (!isName(id)) throw new WaybillError('BadArguments', `signing.keys: ${quoted(id)} is not a name`)
  const { algorithm, principal } = key
  if (algorithm === 'hmac-sha256') {
    const secret = Buffer.from(key.secret as string)
    if (secret.byteLength < MIN_SECRET_BYTES)
      throw new WaybillError('BadArguments', `signing.keys.${id}: the secret has fewer than ${MIN_SECRET_BYTES} bytes`)
    return { algorithm, secret, publicKey: undefined, privateKey: undefined, principal }
  }
  try {
    const privateKey = key.privateKey === undefined ? undefined : createPrivateKey(key.privateKey)
    const publicKey = key.publicKey === undefined ? privateKey && createPublicKey(privateKey) : createPublicKey(key.publicKey)
    if (publicKey?.asymmetricKeyType !== 'ed25519') throw new TypeError('it is no Ed25519 key')
    return { algorithm, secret: undefined, publicKey, privateKey, principal }
  } catch (cause) {
    throw new WaybillError('BadArguments', `signing.keys.${id} is not an Ed25519 key in PEM`, { cause })
  }
}

function refused(reason: string, sentence: string): WaybillError {
  return new WaybillError('Unauthorized', `the signature is refused: ${sentence}`, { executed: 'no', details: { reason } })
}
