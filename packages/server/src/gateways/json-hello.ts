/**
 * The opening of the JSON door: hello and welcome, made of the introduction and the answer that every link begins with; and how the door itself says
 * no. Decides nothing about who may.
 */
import { Feature, MAGIC, PROTOCOL_VERSION, WaybillError, writeOpening, type Connected, type Introduction } from '@waybill/core'
import { countOf, objectOf, valueOf, wrong, type Members } from './json-messages.js'
import type { Said } from './json-wire.js'

const CARRIED = ['name', 'labels', 'credentials', 'features'] as const

export interface Hello {
  /** What the router is given. */
  readonly introduction: Uint8Array
  /** The client acknowledges what it is told. */
  readonly acknowledges: boolean
  /** The client says of each stream what it has taken. */
  readonly paces: boolean
}

/** Throws `ProtocolViolation` or `Incompatible`; what else is wrong, the router says. */
export function readHello(members: Members, incarnation: string): Hello {
  if (!members.has('hello')) throw wrong('first member', 'hello')
  const hello = objectOf(members, 'hello')
  const magic = countOf(hello, 'magic') ?? MAGIC
  if (magic !== MAGIC) throw new WaybillError('Incompatible', `the peer began with ${magic} instead of the magic number ${MAGIC}`)
  const carried = Object.fromEntries(CARRIED.map((name) => [name, valueOf(hello, name)]))
  const features: unknown = carried['features']
  // Its sessions end with their connections, and it has no words to say what it still has.
  if (Array.isArray(features)) carried['features'] = features.filter((one) => one !== Feature.leases)
  const introduction = { ...carried, incarnation } as Introduction
  return {
    introduction: writeOpening(introduction, countOf(hello, 'version', 0, 0xffffffff) ?? PROTOCOL_VERSION),
    acknowledges: valueOf(hello, 'acknowledges') === true,
    paces: valueOf(hello, 'paces') === true,
  }
}

/** Nothing of it can be resumed, so nothing is said of that. */
export function welcomeText({ router, session, name, principal, limits, features }: Connected): string {
  const { resumeGraceMs: _, ...ours } = limits
  return JSON.stringify({ version: PROTOCOL_VERSION, router, session, name, principal, limits: ours, features })
}

const MAX_SENTENCE = 1000

export function errorText({ code, message }: WaybillError): string {
  return JSON.stringify({ code, message: message.slice(0, MAX_SENTENCE) })
}

/** The words of an envelope that was not taken. */
export function rejectionOf({ code, message, details }: WaybillError): Said {
  return [
    ['status', '"rejected"'],
    ['code', JSON.stringify(code)],
    ['description', JSON.stringify(message.slice(0, MAX_SENTENCE))],
    ...(details === undefined ? [] : [['details', JSON.stringify(details)] as const]),
  ]
}
