/**
 * Parcels for everyone: registering a name, sending to one, coming for what is there, acknowledging and answering it, asking what became of it. The functions
 * that all faces of the router show, each for a principal. Owns who is registered; a parcel itself is a stored call like any other.
 */
import { encodings, isSerialNumber, mintIncarnation, quoted, WaybillError, type Link, type LinkEvents, type Ports } from '@waybill/core'
import type { Access, Principal } from '../access.js'
import type { Known } from '../admission.js'
import type { BodySpool } from '../bodies.js'
import type { Calls } from '../calls.js'
import type { Limits } from '../limits.js'
import type { Offer, Receipt, Session } from '../model.js'
import type { Receipts } from '../receipts.js'
import { noSuchReceipt } from '../refusals.js'
import type { Offered, Registry } from '../registry.js'
import type { Sessions } from '../sessions.js'
import type { Store } from '../store.js'
import { Aliases } from './aliases.js'
import type { Failure, Incoming } from './content.js'
import { Dispatching, type Dispatch, type Dispatched } from './dispatching.js'
import { fanning } from './graph/composing.js'
import type { Fanning } from './graph/fanning.js'
import { Drawing } from './graph/drawing.js'
import type { Edges } from './graph/edges.js'
import { largeAnswer, largeRequest } from './large.js'
import { Outcomes } from './outcomes.js'
import { PostbackIds } from './postback-ids.js'
import { Posting, type Poster } from './posting.js'
import type { Item } from './receiver.js'
import { Receivers, type Present } from './receivers.js'
import { checkRegistering, DEFAULT_CONCURRENCY, type Registering } from './registering.js'
import type { Registration, Registrations } from './registrations.js'
import { byReceiver, isOf, overOf } from './standing.js'
import type { Loan } from './waiting.js'

export interface ParcelsParts {
  readonly ports: Ports
  readonly limits: Limits
  readonly access: Access
  readonly registrations: Registrations
  readonly edges: Edges
  readonly calls: Calls
  readonly receipts: Receipts
  readonly sessions: Sessions
  readonly registry: Registry
  readonly store: Store
  readonly poster: Poster | undefined
  /** Whether the token that it was registered with is still good. */
  readonly isGood: (registration: Registration) => boolean
  readonly admit: (link: Link, known: Known) => LinkEvents
  readonly offer: (session: Session, offers: readonly Offer[]) => readonly Offered[]
}

/** A note of this key stands for what its receiver calls a parcel. */
const ALIAS = 'receipt_id'

export class Parcels {
  readonly #parts: ParcelsParts
  readonly #ids: PostbackIds
  readonly #aliases = new Aliases()
  readonly #posting: Posting
  readonly #receivers: Receivers
  readonly #dispatching: Dispatching
  readonly #fanning: Fanning
  /** Where parcels go that are for nobody. */
  readonly graph: Drawing
  /** What became of stored calls, of parcels or not. */
  readonly outcomes: Outcomes
  /** Until then it is not known here what receivers had acknowledged at earlier starts, and what they call it. */
  #begun: Promise<unknown> = Promise.resolve()
  /** What clients reach the router at, once it listens. */
  base = ''

  constructor(parts: ParcelsParts) {
    this.#parts = parts
    const { ports, limits, access, registrations, edges, calls, sessions, registry, store, poster, admit, offer } = parts
    const { clock, soon, random } = ports
    this.#ids = new PostbackIds(() => registrations.secret(random))
    this.#posting = new Posting({
      clock,
      poster,
      base: () => this.base,
      received: (present, id, alias) => this.#received(present, id, alias),
    })
    this.#receivers = new Receivers({
      clock,
      soon,
      ids: this.#ids,
      maxBodyBytes: limits.maxBodyBytes,
      admit,
      sessionOf: (id) => sessions.named(id),
      offer,
      withdraw: (instance) => registry.withdraw(instance),
      presented: (session, digest) => sessions.presented(session, digest),
      receiptOf: (lease) => calls.leasing.leases.receiptOf(lease),
      largeOf: (receipt) => largeRequest(store, receipt),
      largeOutcome: (principal, sn) => {
        const receipt = parts.receipts.find(principal, sn)
        return receipt && largeAnswer(store, receipt)
      },
      post: (present, item) => this.#posting.post(present, item),
      over: (id) => this.#aliases.over(id),
      ended: (name) => this.#unlist(name),
    })
    this.#dispatching = new Dispatching({
      clock,
      limits,
      access,
      making: calls.making,
      sessions,
      store,
      receivers: this.#receivers,
      successors: (principal, name) => edges.from(principal, name),
      fans: (parent) => this.#fanning.expect(parent),
      held: (id) => this.#held(id),
    })
    this.graph = new Drawing({ edges, limits, safe: () => this.#safe() })
    this.outcomes = new Outcomes({ clock, calls, receipts: parts.receipts, store, safe: () => this.#safe() })
    this.#fanning = fanning({ ...parts, ids: this.#ids, dispatching: this.#dispatching })
  }

  /** Those of earlier starts are here again. Before anybody else is let in, and once the calls of earlier starts go on. */
  begin(): void {
    const begun: Promise<void>[] = []
    const { registrations, store } = this.#parts
    const received = registrations.size === 0 ? undefined : byReceiver(store.live())
    for (const registration of [...registrations.all()]) {
      const own = (received?.get(registration.name) ?? []).filter((receipt) => isOf(receipt, registration))
      try {
        if (!this.#parts.isGood(registration)) throw new WaybillError('Unauthorized', 'its token is not good any more')
        const present = this.#receivers.open(registration, own)
        begun.push(present.receiver.settled, ...own.map((receipt) => this.#recallAlias(present, receipt)))
      } catch {
        // It may come in no more: its principal lost the right, or its token, while the router was not there.
        this.#unlist(registration.name)
      }
    }
    this.#begun = Promise.all(begun)
    this.#fanning.begin()
  }

  stop(): void {
    this.#posting.stop()
    this.#receivers.stop()
  }

  // ---- names

  /** Resolves once that outlives the router. What was registered under the name before is replaced. Rejects with `Forbidden` where it is another principal's. */
  async register(known: Known, { name, address, concurrency = DEFAULT_CONCURRENCY, fields }: Registering): Promise<Registration> {
    const { registrations, limits, ports } = this.#parts
    checkRegistering({ name, concurrency, fields })
    if (address !== undefined) await this.#posting.check(address)
    const before = registrations.find(name)
    if (before !== undefined && before.principal !== known.principal)
      throw new WaybillError('Forbidden', `the name ${name} is held by another principal; take another name`)
    if (before === undefined && registrations.size >= limits.maxRegistrations)
      throw new WaybillError('Overloaded', `there are ${registrations.size} registered names, as many as this router allows`)
    const registration: Registration = {
      name,
      principal: known.principal,
      incarnation: before?.incarnation ?? mintIncarnation(ports.clock, ports.random),
      concurrency,
      ms: ports.clock.wallMs(),
      fields,
      ...(address !== undefined && { address }),
      ...(known.digest !== undefined && { digest: known.digest }),
    }
    // Written down before any parcel can be handed over, so that no id is given out that a later start does not know.
    registrations.secret(ports.random)
    if (this.#receivers.find(name) === undefined) this.#receivers.open(registration, [])
    else this.#receivers.changed(registration)
    registrations.put(registration)
    await this.#safe()
    return registration
  }

  /** What the posts to a registration are signed with, for its receiver alone; undefined where there are none. */
  readonly keyOf = (registration: Registration): string | undefined => this.#posting.keyOf(registration)

  /** The name is free again. Parcels that it had not acknowledged wait for the next one of it. */
  async unregister(principal: Principal, name: string): Promise<void> {
    this.#present(principal, name)
    this.#receivers.close(name)
    this.#parts.registrations.remove(name)
    await this.#safe()
  }

  registered(principal: Principal): readonly Registration[] {
    return [...this.#parts.registrations.all()].filter((registration) => registration.principal === principal)
  }

  #unlist(name: string): void {
    if (this.#parts.store.journal.failure === undefined) this.#parts.registrations.remove(name)
  }

  #present(principal: Principal, name: string): Present {
    const present = this.#receivers.find(name)
    if (present === undefined)
      throw new WaybillError('NoSuchClient', `nobody is registered as ${quoted(name)}; register the name with POST /register first`)
    if (present.registration.principal !== principal) throw new WaybillError('Forbidden', `the name ${name} is another principal's`)
    return present
  }

  // ---- what is sent

  /** Throws what a parcel would be refused with, before its bytes are here. */
  assertMayDispatch(principal: Principal, asked: Dispatch): void {
    this.#dispatching.assertMay(principal, asked)
  }

  /** Resolves once the parcel is safe. Bytes that have a place are dropped where it is not taken. */
  async dispatch(principal: Principal, asked: Dispatch, content: Incoming): Promise<Dispatched> {
    let dispatched: Dispatched | undefined
    try {
      dispatched = this.#dispatching.dispatch(principal, asked, content)
    } finally {
      if (dispatched === undefined || dispatched.duplicate) this.#drop(content)
    }
    await this.#safe()
    return dispatched
  }

  /** For bytes that are too many for a frame, as they come. */
  spool(): BodySpool {
    return this.#parts.receipts.spool()
  }

  #drop({ spooled }: Incoming): void {
    if (spooled !== undefined && this.#parts.store.journal.failure === undefined) this.#parts.store.drop(spooled.place)
  }

  get durability(): string {
    return this.#parts.store.journal.durability
  }

  // ---- what is there

  /** Throws where `receive` would. */
  check(principal: Principal, name: string): void {
    this.#coming(principal, name)
  }

  /** The next item for the name, lent for `loanMs`: until then it has to be acknowledged or answered, or somebody else gets it. */
  receive(principal: Principal, name: string, waitMs: number, loanMs: number, signal: AbortSignal): Promise<Item | undefined> {
    return this.#coming(principal, name).waiting.next(waitMs, loanMs, signal)
  }

  /** As `receive`, for who may give it back before its time. */
  lend(principal: Principal, name: string, waitMs: number, loanMs: number, signal: AbortSignal): Promise<Loan<Item> | undefined> {
    return this.#coming(principal, name).waiting.lend(waitMs, loanMs, signal)
  }

  /** One that is there for the name and not acknowledged. */
  item(principal: Principal, name: string, id: string): Item {
    const item = this.#coming(principal, name).waiting.find(id)
    if (item === undefined)
      throw new WaybillError('NoSuchReceipt', `nothing of the id ${quoted(id)} is there for ${name}, or it is acknowledged`, {
        executed: 'no',
      })
    return item
  }

  #coming(principal: Principal, name: string): Present {
    const present = this.#present(principal, name)
    if (present.registration.address === undefined) return present
    throw new WaybillError('Rejected', `what is for ${name} is posted to its address; register it without one to come for it`)
  }

  /** Its receiver has the item of this id. `alias`: what it calls the parcel. `principal`: who says so, where that is known. */
  async received(principal: Principal | undefined, id: string, alias?: string): Promise<void> {
    if (isSerialNumber(id)) return this.#taken(principal, id)
    await this.#begun
    const present = this.#holder(principal, id)
    this.#received(present, id, alias)
    await this.#safe()
  }

  #received(present: Present, id: string, alias: string | undefined): void {
    const { receiver, waiting, registration } = present
    waiting.remove(id)
    receiver.received(id)
    if (alias === undefined) return
    this.#aliases.set(registration.principal, alias, id)
    const lease = receiver.leaseOf(id)
    const session = this.#parts.sessions.named(receiver.client.session)
    if (lease === undefined || session === undefined) return
    // What cannot be noted is forgotten with the router; the id of the postback is not.
    this.#parts.calls.notes.note(session, lease, ALIAS, noteOf(alias)).catch(() => {})
  }

  async #taken(principal: Principal | undefined, sn: string): Promise<void> {
    if (principal === undefined)
      throw new WaybillError('Unauthorized', 'an outcome is acknowledged by who sent the parcel: show the token', { executed: 'no' })
    const replyto = this.#parts.receipts.find(principal, sn)?.terms.replyto
    const present = replyto === undefined ? undefined : this.#receivers.find(replyto)
    if (present === undefined) throw noSuchReceipt(sn)
    present.waiting.remove(sn)
    present.receiver.taken(sn)
    await this.#safe()
  }

  /**
   * The answer to a parcel: once, by whoever has its id. Resolves once that is safe. Rejects with `NoSuchReceipt` for an id that was never given out, `Answered`,
   * `Expired` where the call has ended without it, and `Forbidden` where `principal` says so and is not the receiver's.
   */
  async postback(principal: Principal | undefined, idOrAlias: string, answer: Incoming | Failure): Promise<void> {
    let isTaken = false
    try {
      const id = await this.answerable(principal, idOrAlias)
      await this.#holder(principal, id).receiver.client.ready()
      // Meanwhile somebody else may have answered, or it may be with another receiver of the name.
      const present = this.#holder(principal, id)
      this.#answer(present, id, answer)
      isTaken = true
      present.waiting.remove(id)
    } finally {
      if (!isTaken && 'bytes' in answer) this.#drop(answer)
    }
    await this.#safe()
  }

  #answer({ receiver }: Present, id: string, answer: Incoming | Failure): void {
    if (!('bytes' in answer)) return receiver.failed(id, answer.message, 'yes')
    const receipt = this.#held(id)
    if (answer.spooled !== undefined && receipt !== undefined) this.#parts.receipts.bring(receipt, answer.spooled.place)
    receiver.succeeded(id, answer)
  }

  /** The id of the parcel that would be answered under this one. Rejects where `postback` would: before anybody's bytes are read. */
  async answerable(principal: Principal | undefined, idOrAlias: string): Promise<string> {
    await this.#begun
    const id = (principal === undefined ? undefined : this.#aliases.find(principal, idOrAlias)) ?? idOrAlias
    this.#holder(principal, id)
    return id
  }

  /** Who has the parcel of this id. */
  #holder(principal: Principal | undefined, id: string): Present {
    const ordinal = this.#ids.read(id)
    if (ordinal === undefined)
      throw new WaybillError('NoSuchReceipt', `${quoted(id)} is not the id of a parcel; it came with the parcel, in Waybill-Postback`, {
        executed: 'no',
      })
    const receipt = this.#parts.store.byOrdinal(ordinal)
    if (receipt === undefined || receipt.endedMs !== undefined) throw overOf(receipt)
    const session = receipt.call?.instance?.session
    const present = session && this.#receivers.ofSession(session)
    if (present === undefined || !present.receiver.has(id))
      throw new WaybillError(
        'Rejected',
        'the parcel is with somebody else now, or on its way again; if it comes to you again, answer it then, under the same id',
        {
          details: { state: receipt.known },
        },
      )
    if (principal !== undefined && present.registration.principal !== principal)
      throw new WaybillError('Forbidden', `the parcel was given to ${present.registration.name}, who is another principal's`)
    return present
  }

  /** The receipt of a parcel that somebody has. */
  #held(id: string): Receipt | undefined {
    const ordinal = this.#ids.read(id)
    const receipt = ordinal === undefined ? undefined : this.#parts.store.byOrdinal(ordinal)
    return receipt?.endedMs === undefined ? receipt : undefined
  }

  async #recallAlias({ registration }: Present, receipt: Receipt): Promise<void> {
    const note = receipt.notes?.get(ALIAS)
    if (note === undefined) return
    // What cannot be read is forgotten; the id of the postback is not.
    const bytes = await this.#parts.calls.notes.read(note).then(
      (noted) => noted.bytes,
      () => undefined,
    )
    if (bytes !== undefined)
      this.#aliases.set(registration.principal, JSON.parse(Buffer.from(bytes).toString()) as string, this.#ids.of(receipt.ordinal))
  }

  #safe(): Promise<void> {
    return new Promise((resolve, reject) => this.#parts.store.journal.whenSafe(resolve, reject))
  }
}

function noteOf(alias: string): { readonly encoding: number; readonly bytes: Uint8Array } {
  return { encoding: encodings.json, bytes: Buffer.from(JSON.stringify(alias)) }
}
