/**
 * Parcels that are sent without a connection: each becomes a stored call to the inbox of the client that it is for. Decides where it may go; what becomes of it
 * is what becomes of any stored call.
 */
import { createHash } from 'node:crypto'
import {
  encodings,
  extensionField,
  Flag,
  FrameType,
  isName,
  joinFields,
  quoted,
  serialBytes,
  Slab,
  Tag,
  WaybillError,
  writeParcel,
  writeRawFrame,
  HEADER_BYTES,
  type Clock,
} from '@waybill/core'
import type { Access, Principal } from '../access.js'
import { LEASE_BYTES } from '../departing.js'
import type { Limits } from '../limits.js'
import type { Making } from '../making.js'
import type { Receipt, StoredTerms } from '../model.js'
import type { Sessions } from '../sessions.js'
import type { Store } from '../store.js'
import type { Content, Incoming } from './content.js'
import { GRAPH, GRAPH_CLIENT } from './graph/fanning.js'
import { INBOX, inboxOf, RECEIVE } from './inbox.js'
import type { Receivers } from './receivers.js'

export interface Dispatch {
  /** The client that it is for; absent: where the graph leads on from its sender. */
  readonly to?: string | undefined
  /** The client that sends it, and is told what becomes of it; absent: nobody is told, and who has the receipt asks. */
  readonly from?: string | undefined
  /** How long it may wait for who is not there; absent: a day, and it must be for somebody who is known. */
  readonly ttlMs?: number | undefined
  /** What the sender knows it by: another one with the same key is the same. */
  readonly key?: string | undefined
  /** The sender's own, as JSON. */
  readonly data?: string | undefined
  readonly orderKey?: string | undefined
  /** The id of a parcel that its sender was given, and now sends on. */
  readonly within?: string | undefined
}

/** What the router says of a parcel that it sends on itself. */
export interface SentOn {
  readonly parent: string
  readonly replyto: string
  readonly told: Principal
}

type Addressed = Dispatch & { readonly to: string }

export interface Dispatched {
  readonly receipt: Receipt
  /** It had been dispatched before, under the same key. */
  readonly duplicate: boolean
}

export interface DispatchingParts {
  readonly clock: Clock
  readonly limits: Limits
  readonly access: Access
  readonly making: Making
  readonly sessions: Sessions
  readonly store: Store
  readonly receivers: Receivers
  /** Where the edges of a name lead. */
  readonly successors: (principal: Principal, name: string) => readonly string[]
  /** A parcel is on its way that goes to several. */
  readonly fans: (parent: Receipt) => void
  /** The receipt of a parcel that somebody has. */
  readonly held: (id: string) => Receipt | undefined
}

const DEFAULT_TTL_MS = 24 * 3600 * 1000
/** How long who has taken it may work on it, from the beginning. */
const DEFAULT_DEADLINE_MS = 2 * DEFAULT_TTL_MS
const MAX_KEY_CHARACTERS = 256
/** How often a parcel is sent on. */
const MAX_HOPS = 16
/** The sender of a parcel that nobody is named for. */
export const NOBODY = 'http'

export class Dispatching {
  readonly #parts: DispatchingParts
  readonly #slab = new Slab()

  constructor(parts: DispatchingParts) {
    this.#parts = parts
  }

  /** Throws what a stored call is refused with, `NoSuchClient` for somebody whom nobody knows, and `NoEdge` where the graph does not lead on. */
  dispatch(principal: Principal, dispatch: Dispatch, content: Incoming): Dispatched {
    const { asked, hops } = this.#checked(principal, dispatch)
    const sent = this.#send({ ...this.#termsOf(principal, asked), ...(hops > 0 && { hops }) }, content)
    if (asked.to === GRAPH_CLIENT && !sent.duplicate) this.#parts.fans(sent.receipt)
    return sent
  }

  /** Throws what it would be refused with, before its bytes are here. */
  assertMay(principal: Principal, dispatch: Dispatch): void {
    this.#checked(principal, dispatch)
  }

  #checked(principal: Principal, dispatch: Dispatch): { readonly asked: Addressed; readonly hops: number } {
    if (dispatch.to === GRAPH_CLIENT)
      throw new WaybillError('Forbidden', `${GRAPH_CLIENT} is the router; name nobody, and the graph leads on`)
    const hops = this.#hops(dispatch.within)
    const asked = { ...dispatch, to: dispatch.to ?? this.#next(principal, dispatch.from) }
    this.#checkTerms(principal, asked)
    // Not of what is there already under its key: whose answer was lost hears that it is, whoever has gone since.
    if (this.#parts.store.keyed(this.#termsOf(principal, asked)) === undefined) this.#checkAddressee(asked)
    return { asked, hops }
  }

  /** For the parent, whose sender is asked for nothing more. Throws as `dispatch`. */
  sendOn(parent: Receipt, to: string, content: Content, own: SentOn): Receipt {
    const { principal, client, waitUntilMs, hops = 0 } = parent.terms
    checkHops(hops + 1)
    if (content.large !== undefined)
      throw new WaybillError('TooLarge', 'a parcel that goes to several fits in one frame; send a larger one to each by its name')
    const ttlMs = Math.max(1, waitUntilMs - this.#parts.clock.wallMs())
    const asked = { to, from: client, ttlMs, key: `${parent.sn} ${to}` }
    return this.#send({ ...this.#termsOf(principal, asked), ...own, hops: hops + 1 }, content).receipt
  }

  #send(terms: Omit<StoredTerms, 'sn'>, content: Incoming): Dispatched {
    const { key, principal, service, method } = terms
    const digest = key === undefined ? undefined : digestOf(content)
    const known = this.#parts.store.keyed({ principal, service, method, key })
    if (known !== undefined) return { receipt: repeated(known, digest, terms), duplicate: true }
    const body = writeParcel(content)
    const place = content.spooled?.place
    const fields = fieldsOf(terms)
    const size = HEADER_BYTES + fields.byteLength + SN_FIELD_BYTES + LEASE_BYTES + body.byteLength
    const { maxFrameBytes: limit } = this.#parts.limits
    if (size > limit)
      throw new WaybillError('TooLarge', `a parcel has at most ${limit} bytes with all that is said of it`, {
        executed: 'no',
        details: { limit, size },
      })
    const made = { ...terms, ...(digest !== undefined && { digest }), ...(place !== undefined && { body: place }) }
    const receipt = this.#parts.making.begin(made, { frames: (sn, number) => [this.#frame(sn, number, fields, body)] })
    return { receipt, duplicate: false }
  }

  /** To whom the graph leads on; the router itself where that is more than one. */
  #next(principal: Principal, from: string | undefined): string {
    const way = 'name who it is for, POST /dispatch/NAME, or draw an edge from its sender, POST /graph'
    if (from === undefined) throw new WaybillError('NoEdge', `the parcel is for nobody, and its sender has no name: ${way}`)
    const [first, ...others] = this.#parts.successors(principal, from)
    if (first === undefined) throw new WaybillError('NoEdge', `the parcel is for nobody, and no edge leads on from ${from}: ${way}`)
    return others.length === 0 ? first : GRAPH_CLIENT
  }

  #hops(within: string | undefined): number {
    if (within === undefined) return 0
    const receipt = this.#parts.held(within)
    if (receipt === undefined)
      throw new WaybillError('NoSuchReceipt', `${quoted(within)} is not the id of a parcel that somebody has`, { executed: 'no' })
    const hops = (receipt.terms.hops ?? 0) + 1
    checkHops(hops)
    return hops
  }

  #checkTerms(principal: Principal, { to, from, key, ttlMs }: Addressed): void {
    const { access, limits } = this.#parts
    if (!isName(to)) throw new WaybillError('BadAddress', `${quoted(to)} is not the name of a client: letters, digits, _ and -`)
    if (key !== undefined && (key.length === 0 || key.length > MAX_KEY_CHARACTERS))
      throw new WaybillError('BadArguments', `the key has ${key.length} characters; it may have 1 to ${MAX_KEY_CHARACTERS}`)
    if (ttlMs !== undefined && (ttlMs < 1 || ttlMs > limits.maxDeadlineMs))
      throw new WaybillError('BadArguments', `the ttl is ${ttlMs} ms; it may be 1 to ${limits.maxDeadlineMs}`)
    this.#checkSender(principal, from)
    const subject = { client: from ?? NOBODY, service: INBOX, method: RECEIVE }
    if (access.authorize?.(principal, 'call', subject) === false) throw new WaybillError('Forbidden', `${principal} may not send parcels`)
  }

  #checkAddressee({ to, ttlMs }: Addressed): void {
    const { sessions, receivers } = this.#parts
    if (ttlMs !== undefined || to === GRAPH_CLIENT || receivers.find(to) !== undefined) return
    const session = sessions.byName(to)
    if (session === undefined)
      throw new WaybillError(
        'NoSuchClient',
        `nobody is called ${to} here; it registers with POST /register or connects, or say with a ttl how long the parcel may wait for it`,
      )
    if (![...session.instances].some(({ offer }) => offer.service === INBOX))
      throw new WaybillError(
        'NoSuchService',
        `${to} is connected and takes no parcels; say with a ttl how long the parcel may wait until it does`,
      )
  }

  #checkSender(principal: Principal, from: string | undefined): void {
    if (from === undefined) return
    if (!isName(from)) throw new WaybillError('BadAddress', `${quoted(from)} is not the name of a client: letters, digits, _ and -`)
    const session = this.#parts.sessions.byName(from)
    if (session === undefined)
      throw new WaybillError(
        'NoSuchClient',
        `you send as ${from}, who is not here; register it with POST /register, or leave it out and ask by the receipt`,
      )
    if (session.principal !== principal) throw new WaybillError('Forbidden', `the name ${from} is another principal's`)
  }

  #termsOf(principal: Principal, asked: Addressed): Omit<StoredTerms, 'sn'> {
    const { to, from, ttlMs = DEFAULT_TTL_MS, key, data, orderKey } = asked
    const nowMs = this.#parts.clock.wallMs()
    return {
      principal,
      client: from ?? NOBODY,
      ...(to === GRAPH_CLIENT ? { address: `${GRAPH_CLIENT}/${GRAPH}`, service: GRAPH } : { address: inboxOf(to), service: INBOX }),
      method: RECEIVE,
      storedMs: nowMs,
      waitUntilMs: nowMs + ttlMs,
      deadlineMs: nowMs + Math.min(this.#parts.limits.maxDeadlineMs, Math.max(DEFAULT_DEADLINE_MS, 2 * ttlMs)),
      ...(data !== undefined && { data }),
      ...(from !== undefined && { replyto: from, told: principal }),
      ...(orderKey !== undefined && { orderKey }),
      ...(key !== undefined && { key }),
    }
  }

  #frame(sn: string, number: number, fields: Uint8Array, body: Uint8Array): Uint8Array {
    const extension = new Uint8Array(SN_FIELD_BYTES + fields.byteLength)
    extension.set(extensionField(Tag.sn, serialBytes(sn)))
    extension.set(fields, SN_FIELD_BYTES)
    const head = { type: FrameType.call, flags: Flag.durable | Flag.noReply, call: number }
    const start = writeRawFrame(this.#slab, head, extension, encodings.parcel, body)
    return this.#slab.bytes.slice(start, this.#slab.at)
  }
}

const SN_FIELD_BYTES = 20

function fieldsOf({ address, method, data, orderKey }: Omit<StoredTerms, 'sn'>): Uint8Array {
  return joinFields([
    extensionField(Tag.destination, address),
    extensionField(Tag.method, method),
    ...(data === undefined ? [] : [extensionField(Tag.data, data)]),
    ...(orderKey === undefined ? [] : [extensionField(Tag.orderKey, orderKey)]),
  ])
}

/** As that of a call: see PROTOCOL.md, Stored calls. */
function digestOf(content: Incoming): string {
  const hash = createHash('sha256').update(Uint8Array.of(encodings.parcel)).update(writeParcel(content))
  // Nobody has all of them at hand any more.
  if (content.spooled !== undefined) hash.update(content.spooled.digest)
  return hash.digest('hex')
}

function repeated(receipt: Receipt, digest: string | undefined, { key, address }: Omit<StoredTerms, 'sn'>): Receipt {
  if (receipt.terms.digest === digest && receipt.terms.address === address) return receipt
  const used = `the key ${JSON.stringify(key)} was used before for another parcel, which is ${receipt.sn}`
  throw new WaybillError('IdempotencyConflict', used, { details: { sn: receipt.sn } })
}

function checkHops(hops: number): void {
  if (hops <= MAX_HOPS) return
  throw new WaybillError('HopLimit', `the parcel was sent on ${hops} times, more than ${MAX_HOPS}: the graph may lead in a circle`, {
    details: { limit: MAX_HOPS },
  })
}
