/** What the router says of itself, and does for whoever asks: the body of `waybill.Router`. Reads the parts; who may ask is checked here. */
import {
  FrameType,
  PROTOCOL_VERSION,
  quoted,
  WaybillError,
  type DeadLetter,
  type Ports,
  type ReceiptInfo,
  type RouterIdentity,
} from '@waybill/core'
import type { Access } from './access.js'
import type { Known } from './admission.js'
import { deadLetter, reasonOf } from './api/dead-api.js'
import { mailboxOf, type Waiting } from './api/mailbox.js'
import { receiptInfo, type Selection } from './api/receipts-api.js'
import type {
  Caller,
  ClientInfo,
  DrainInfo,
  EdgeInfo,
  InstanceInfo,
  NameInfo,
  NameOffer,
  Redriven,
  RouterInfo,
  RouterView,
  ServiceInfo,
} from './api/router-api.js'
import type { Calls } from './calls.js'
import type { CursorInfo, DurableEvents } from './event-log/index.js'
import type { Events } from './events.js'
import type { Limits } from './limits.js'
import type { Offer, Receipt, Session } from './model.js'
import type { Noted } from './notes.js'
import type { Parcels, Registration } from './parcels/index.js'
import type { Receipts } from './receipts.js'
import { noSuchReceipt } from './refusals.js'
import type { Offered, Registry } from './registry.js'
import type { Routes } from './routes.js'
import { nobody } from './routing.js'
import type { Sessions } from './sessions.js'
import type { Store } from './store.js'

export interface ViewParts {
  readonly identity: RouterIdentity
  readonly ports: Ports
  readonly limits: Limits
  readonly access: Access
  readonly sessions: Sessions
  readonly registry: Registry
  readonly routes: Routes
  readonly calls: Calls
  readonly receipts: Receipts
  readonly store: Store
  readonly events: Events
  readonly durable: DurableEvents
  /** Made behind it, as they need what it does for clients. */
  readonly parcels: () => Parcels
}

export class View implements RouterView {
  readonly #parts: ViewParts
  readonly #startedMs: number
  #closed = false

  readonly maxFrameBytes: number
  readonly maxOutboundBytes: number

  constructor(parts: ViewParts) {
    this.#parts = parts
    this.maxFrameBytes = parts.limits.maxFrameBytes
    this.maxOutboundBytes = parts.limits.maxOutboundBytes
    this.#startedMs = parts.ports.clock.wallMs()
  }

  /** The router is closing: nothing is begun any more. */
  stop(): void {
    this.#closed = true
  }

  whenSafe(safe: () => void, failed: (error: WaybillError) => void): void {
    this.#parts.store.journal.whenSafe(safe, failed)
  }

  info(): RouterInfo {
    const { name, epoch } = this.#parts.identity
    return {
      name,
      epoch,
      protocolVersion: PROTOCOL_VERSION,
      startedAt: new Date(this.#startedMs).toISOString(),
      clients: this.#parts.sessions.size,
      services: this.services().length,
      pendingCalls: this.#parts.calls.pending,
      heldCalls: this.#parts.calls.delivery.held.calls,
      storedCalls: this.#parts.receipts.pending,
      droppedCalls: this.#parts.calls.counts.dropped,
      calls: this.#parts.calls.counts.calls,
      subscriptions: this.#parts.events.subscriptions,
      eventsPublished: this.#parts.events.counts.published,
      eventsDelivered: this.#parts.events.counts.delivered,
      eventsLeftOut: this.#parts.events.counts.leftOut,
    }
  }

  services(): readonly ServiceInfo[] {
    return [...this.#parts.registry.services()].flatMap(({ instances }) =>
      instances.map(({ offer, session, inFlight, given }) => ({
        service: offer.service,
        version: offer.version,
        client: session.name,
        labels: offer.labels,
        methods: offer.methods,
        inFlight,
        calls: given,
        ...(Number.isFinite(offer.concurrency) && { concurrency: offer.concurrency }),
      })),
    )
  }

  clients(): readonly ClientInfo[] {
    return [...this.#parts.sessions.all()].map((session) => ({
      name: session.name,
      id: session.id,
      principal: session.principal,
      state: session.state === 'open' ? 'open' : 'detached',
      connectedAt: new Date(session.connectedMs).toISOString(),
      services: session.instances.size,
      pendingCalls: session.calls.size,
      inFlight: session.handling,
      labels: session.labels,
    }))
  }

  instances({ name, principal }: Caller, text: string, method: string | undefined): readonly InstanceInfo[] {
    const { address, service, candidates } = this.#parts.routes.find(text)
    const subject = { client: name, service: address.service, ...(method !== undefined && { method }) }
    if (this.#parts.access.authorize?.(principal, 'call', subject) === false) {
      throw new WaybillError('Forbidden', `${principal} may not call ${address.service}.${method === undefined ? '?' : quoted(method)}`)
    }
    if (candidates.length === 0) throw nobody(address, service?.instances ?? [], (client) => this.#parts.sessions.isConnected(client))
    return candidates.map(({ symbol, session, offer }) => ({
      symbol,
      client: session.name,
      id: session.id,
      service: offer.service,
      version: offer.version,
      labels: { ...session.labels, ...offer.labels },
      idempotent: method !== undefined && offer.idempotent.has(method),
    }))
  }

  receipts(caller: Caller, selection: Selection): readonly ReceiptInfo[] {
    const isWhole = selection.sn !== undefined
    return this.#parts.receipts.select(caller.principal, selection).map((receipt) => receiptInfo(receipt, isWhole))
  }

  dead(caller: Caller, selection: Selection): readonly DeadLetter[] {
    const isWhole = selection.sn !== undefined
    return this.#select(caller, selection).map((receipt) => deadLetter(receipt, isWhole))
  }

  async redrive(caller: Caller, sn: string, principal = caller.principal): Promise<Redriven> {
    if (principal !== caller.principal) this.#operates(caller)
    const receipt = this.#parts.receipts.find(principal, sn)
    if (receipt === undefined) throw noSuchReceipt(sn)
    if (reasonOf(receipt) === undefined) throw new WaybillError('BadArguments', `${quoted(sn)} is no dead letter: it is ${receipt.known}`)
    const { durability } = this.#parts.store.journal
    return { ...(await this.#parts.calls.redriving.redrive(receipt)), durability }
  }

  purge(caller: Caller, selection: Selection): readonly string[] {
    const purged = this.#select(caller, selection)
    for (const receipt of purged) this.#parts.receipts.purge(receipt)
    return purged.map(({ sn }) => sn)
  }

  mailbox(caller: Caller, isOfAll: boolean): Promise<readonly Waiting[]> {
    if (isOfAll) this.#operates(caller)
    const { principal } = caller
    const isOwn = (receipt: Receipt): boolean => isOfAll || receipt.principal === principal || receipt.terms.told === principal
    return mailboxOf(this.#parts.store.live(), isOwn, this.#parts.ports.soon)
  }

  noted(session: Session, lease: string, key: string): Promise<Noted | undefined> {
    return this.#parts.calls.notes.noted(session, lease, key)
  }

  note(session: Session, lease: string, key: string, value: Noted): Promise<Noted | undefined> {
    return this.#parts.calls.notes.note(session, lease, key, value)
  }

  register(session: Session, offer: NameOffer): Promise<NameInfo> {
    return this.registerFor({ principal: session.principal, digest: this.#parts.sessions.presentedBy(session) }, offer)
  }

  /** `known`: whose name it will be. */
  async registerFor(known: Known, { fields = {}, ...offer }: NameOffer): Promise<NameInfo> {
    const parcels = this.#parts.parcels()
    const registration = await parcels.register(known, { ...offer, fields })
    const key = parcels.keyOf(registration)
    return { ...nameInfo(registration), ...(key !== undefined && { key }) }
  }

  unregister({ principal }: Caller, name: string): Promise<void> {
    return this.#parts.parcels().unregister(principal, name)
  }

  registered({ principal }: Caller): readonly NameInfo[] {
    return this.#parts.parcels().registered(principal).map(nameInfo)
  }

  connect({ principal }: Caller, edge: EdgeInfo): Promise<void> {
    return this.#parts.parcels().graph.connect(principal, edge)
  }

  disconnect({ principal }: Caller, edge: EdgeInfo): Promise<void> {
    return this.#parts.parcels().graph.disconnect(principal, edge)
  }

  edges({ principal }: Caller): readonly EdgeInfo[] {
    return this.#parts.parcels().graph.edges(principal)
  }

  cursors({ principal }: Caller): readonly CursorInfo[] {
    return this.#parts.durable.cursors(principal)
  }

  forgetCursor({ principal }: Caller, name: string): boolean {
    return this.#parts.durable.forget(principal, name)
  }

  #select(caller: Caller, selection: Selection): readonly Receipt[] {
    if (selection.isOfAll === true) this.#operates(caller)
    return this.#parts.receipts.select(caller.principal, selection)
  }

  /** What is everyone's is for whom the deployment says so. */
  #operates({ principal }: Caller): void {
    if (this.#parts.access.authorize?.(principal, 'operate', {}) !== true)
      throw new WaybillError('Forbidden', `${principal} may not see to the calls of others`)
  }

  cancel(caller: Caller, selection: Selection): readonly string[] {
    return this.#parts.receipts
      .select(caller.principal, selection)
      .flatMap(({ call, sn }) => (call && this.#parts.calls.stored.cancel(call) ? [sn] : []))
  }

  offer(session: Session, offers: readonly Offer[]): readonly Offered[] {
    for (const { service } of offers) {
      if (this.#parts.access.authorize?.(session.principal, 'expose', { client: session.name, service }) === false) {
        throw new WaybillError('Forbidden', `${session.principal} may not offer ${service}`)
      }
    }
    const offered = this.#parts.registry.offer(session, offers)
    // Behind the answer, without which the client knows nothing of the symbols that the calls will have.
    this.#parts.ports.soon.onTick(() => {
      if (!this.#closed) for (const { service } of offers) this.#parts.calls.delivery.changed(service)
    })
    return offered
  }

  withdraw(session: Session, symbols: readonly number[]): void {
    for (const instance of [...session.instances]) {
      if (!symbols.includes(instance.symbol)) continue
      this.#parts.registry.withdraw(instance)
      this.#parts.calls.delivery.changed(instance.service.name)
    }
  }

  drain(caller: Caller, client: string): DrainInfo {
    const found = this.#parts.sessions.named(client)
    if (found === undefined) throw new WaybillError('NoSuchClient', `there is no client ${quoted(client)}`)
    const { authorize } = this.#parts.access
    const { principal } = caller
    const may = authorize === undefined ? principal === found.principal : authorize(principal, 'drain', { client: found.name })
    if (!may) throw new WaybillError('Forbidden', `${principal} may not drain ${found.name}`)
    // At once and not when the client does it: who asked may rely on it that nothing new goes there.
    this.withdraw(
      found,
      Array.from(found.instances, ({ symbol }) => symbol),
    )
    found.channel.write({ type: FrameType.drain })
    if (caller.channel !== undefined && found.channel.outboundBytes > this.maxOutboundBytes) found.channel.holdBack(caller.channel)
    return { client: found.name, inFlight: found.handling }
  }
}

function nameInfo({ name, address, concurrency, fields }: Registration): NameInfo {
  return { name, ...(address !== undefined && { address }), concurrency, fields }
}
