/**
 * What stands in one text of a JSON client: a message, or a message within a signature. Owns the shape of the wrapper; whether a signature is right is
 * `signing`'s, and what follows from it the door's.
 */
import { WaybillError } from '@waybill/core'
import { countOf, objectOf, textOf, wrong, type Members } from './json-messages.js'
import { checkJson, membersOf } from './json-slices.js'
import { bytesOf } from './json-wire.js'
import type { Signature, Signer } from './signing.js'

export interface Unwrapped {
  readonly members: Members
  /** The key that it was signed with; undefined where it was not. */
  readonly keyId: string | undefined
  /** Why it must not be believed. */
  readonly fault: WaybillError | undefined
}

/** Throws `TooLarge`. */
export function checkSize(what: string, size: number, limit: number): void {
  if (size <= limit) return
  throw new WaybillError('TooLarge', `a ${what} of ${size} bytes is over the limit of ${limit}`, {
    executed: 'no',
    details: { limit, size },
  })
}

/** Throws `ProtocolViolation` or `TooLarge` where it is no message at all. */
export function unwrap(bytes: Uint8Array, signer: Signer | undefined, audience: string, nowMs: number): Unwrapped {
  checkJson(bytes)
  const members = membersOf(bytes)
  if (members === undefined) throw wrong('text', 'one object')
  if (!members.has('signature') && !members.has('message')) return { members, keyId: undefined, fault: undefined }
  const text = textOf(members, 'message')
  if (text === undefined) throw wrong('message', 'the text of one object')
  const message = bytesOf(text)
  checkJson(message)
  const inner = membersOf(message)
  if (inner === undefined) throw wrong('message', 'the text of one object')
  try {
    const signature = readSignature(objectOf(members, 'signature'))
    if (signer === undefined)
      throw new WaybillError('Unauthorized', 'this router has no keys for signatures', { details: { reason: 'keyId' } })
    signer.check(message, signature, audience, nowMs)
    return { members: inner, keyId: signature.keyId, fault: undefined }
  } catch (thrown) {
    return { members: inner, keyId: undefined, fault: WaybillError.from(thrown, 'no') }
  }
}

/** Why a message of a connection that signs with `keyId` is not taken; undefined where it is. */
export function faultOf({ keyId, fault }: Unwrapped, expected: string | undefined): WaybillError | undefined {
  if (fault !== undefined || expected === undefined || keyId === expected) return fault
  if (keyId !== undefined)
    return new WaybillError('Unauthorized', `this connection signs with ${expected}`, { details: { reason: 'keyId' } })
  return unsigned()
}

export function unsigned(): WaybillError {
  return new WaybillError('Unauthorized', 'every message of this connection is signed: { message, signature }', {
    details: { reason: 'unsigned' },
  })
}

function readSignature(members: Members): Signature {
  const [keyId, algorithm, audience, value] = ['keyId', 'algorithm', 'audience', 'value'].map((name) => textOf(members, name)!)
  const [created, expires] = ['created', 'expires'].map((name) => countOf(members, name)!)
  const signature = { keyId, algorithm, created, expires, audience, value } as Signature
  for (const [name, given] of Object.entries(signature)) if (given === undefined) throw wrong(`signature.${name}`, 'there')
  return signature
}
