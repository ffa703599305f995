/**
 * The tokens of a router as they are kept: digests with labels, as text and back, and which of them are good. Pure; knows no file.
 *
 * A token has 256 random bits, so a fast digest is as good as a slow one: nobody finds such a token by guessing, however quickly each guess can be
 * tried. A slow one would only give strangers at the door a way to keep the router busy.
 */
import { timingSafeEqual } from 'node:crypto'
import { isName, quoted, WaybillError, type Random } from '@waybill/core'
import { digestOf, type Principal } from '../access.js'

export interface TokenEntry {
  /** Eight hexadecimal digits, for people. */
  readonly id: string
  /** The principal of who presents the token. */
  readonly label: Principal
  /** SHA-256 of the token, hexadecimal. */
  readonly digest: string
  /** Wall-clock milliseconds. */
  readonly createdMs: number
  /** Not good any more from then on; absent: good until it is revoked. */
  readonly expiresMs?: number
}

/** Each of them is compared with each token that is presented. */
export const MAX_TOKENS = 1000

const VERSION = 1
/** Known to those who look for secrets in places where none should be. */
const PREFIX = 'waybill_'

/** A new token and what is kept of it; a label may have several. Throws `BadArguments` where the label is none, or the id of a token. */
export function mintToken(
  entries: readonly TokenEntry[],
  { label, nowMs, lifeMs, random }: { label: string; nowMs: number; lifeMs?: number | undefined; random: Random },
): { token: string; entry: TokenEntry } {
  if (!isName(label)) throw new WaybillError('BadArguments', `${quoted(label)} is not a label: 1 to 64 of A-Z a-z 0-9 _ -`)
  if (entries.some(({ id }) => id === label))
    throw new WaybillError('BadArguments', `${label} is the id of a token already: take another label`)
  if (entries.length >= MAX_TOKENS) throw new WaybillError('Overloaded', `there are ${MAX_TOKENS} tokens, as many as there may be`)
  const bytes = (length: number): Buffer => Buffer.from(random.fill(new Uint8Array(length)))
  const token = `${PREFIX}${bytes(32).toString('base64url')}`
  let id = bytes(4).toString('hex')
  while (entries.some((entry) => entry.id === id || entry.label === id)) id = bytes(4).toString('hex')
  const entry = {
    id,
    label,
    digest: digestOf(token).toString('hex'),
    createdMs: nowMs,
    ...(lifeMs !== undefined && { expiresMs: nowMs + lifeMs }),
  }
  return { token, entry }
}

/** All of this label, or else the one of this id. Throws `BadArguments` where there is none. */
export function namedTokens(entries: readonly TokenEntry[], name: string): readonly TokenEntry[] {
  const labelled = entries.filter(({ label }) => label === name)
  const found = labelled.length > 0 ? labelled : entries.filter(({ id }) => id === name)
  if (found.length === 0) throw new WaybillError('BadArguments', `there is no token ${quoted(name)}`)
  return found
}

export function isGood({ expiresMs }: TokenEntry, nowMs: number): boolean {
  return expiresMs === undefined || nowMs < expiresMs
}

/** Whose token this is; undefined where it is none of them, or not good any more. Every digest is compared, so the time tells nothing. */
export function ownerOf(entries: readonly TokenEntry[], token: string, nowMs: number): Principal | undefined {
  const given = digestOf(token)
  let owner: TokenEntry | undefined
  for (const entry of entries) if (timingSafeEqual(Buffer.from(entry.digest, 'hex'), given)) owner = entry
  return owner !== undefined && isGood(owner, nowMs) ? owner.label : undefined
}

export function writeTokens(entries: readonly TokenEntry[]): string {
  return `${JSON.stringify({ version: VERSION, tokens: entries }, undefined, 2)}\n`
}

/** Throws `Damaged`: half a list of tokens is none. */
export function readTokens(text: string): readonly TokenEntry[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw damaged('it is not JSON')
  }
  const { version, tokens } = (value ?? {}) as { version?: unknown; tokens?: unknown }
  if (version !== VERSION) throw damaged(`its version is not ${VERSION}`)
  if (!Array.isArray(tokens) || tokens.length > MAX_TOKENS) throw damaged(`it has no list of at most ${MAX_TOKENS} tokens`)
  const entries = tokens.map(readEntry)
  if (new Set(entries.map(({ id }) => id)).size < entries.length) throw damaged('an id stands there twice')
  return entries
}

function readEntry(value: unknown, index: number): TokenEntry {
  const { id, label, digest, createdMs, expiresMs } = (value ?? {}) as Record<keyof TokenEntry, unknown>
  const isTime = (time: unknown): time is number => typeof time === 'number' && Number.isFinite(time)
  if (typeof id !== 'string' || !/^[0-9a-f]{8}$/.test(id)) throw damaged(`token ${index} has no id`)
  if (typeof label !== 'string' || !isName(label)) throw damaged(`token ${index} has no label`)
  if (typeof digest !== 'string' || !/^[0-9a-f]{64}$/.test(digest)) throw damaged(`token ${index} has no digest`)
  if (!isTime(createdMs)) throw damaged(`token ${index} has no time`)
  // What cannot be read as a time must not mean that the token is good for ever.
  if (expiresMs !== undefined && !isTime(expiresMs)) throw damaged(`token ${index} expires at no time`)
  return { id, label, digest, createdMs, ...(expiresMs !== undefined && { expiresMs }) }
}

function damaged(what: string): WaybillError {
  return new WaybillError('Damaged', `the token file is damaged: ${what}`)
}
