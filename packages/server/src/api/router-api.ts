/**
 * The router's own API as a remote class at the address `waybill.Router`: what the CLI and dashboards ask, and what clients use to offer their
 * services. Sees the router only through the small `RouterView`.
 */
import { WaybillError, type DeadLetter, type DeadQuery, type Durability, type ReceiptInfo, type ReceiptQuery } from '@waybill/core'
import type { Principal } from '../access.js'
import type { CursorInfo } from '../event-log/index.js'
import type { Offer, Session } from '../model.js'
import { noSuchReceipt } from '../refusals.js'
import type { Noted } from '../notes.js'
import type { Offered } from '../registry.js'
import { readDeadSelection, readPurgeSelection } from './dead-api.js'
import type { Waiting } from './mailbox.js'
import { readCancelSelection, readSelection, type Selection } from './receipts-api.js'

export interface RouterInfo {
  readonly name: string
  readonly epoch: number
  readonly protocolVersion: number
  readonly startedAt: string
  readonly clients: number
  readonly services: number
  readonly pendingCalls: number
  readonly heldCalls: number
  /** Those that have not ended. */
  readonly storedCalls: number
  /** Calls without a reply that reached nobody, since the start. */
  readonly droppedCalls: number
  readonly calls: number
  readonly subscriptions: number
  readonly eventsPublished: number
  readonly eventsDelivered: number
  /** Not given to a subscriber that was too slow. */
  readonly eventsLeftOut: number
}

export interface ServiceInfo {
  readonly service: string
  readonly version: string
  readonly client: string
  readonly labels: Readonly<Record<string, string>>
  readonly methods: readonly string[]
  readonly inFlight: number
  /** All that it was given since it was offered. */
  readonly calls: number
  /** Absent where it is not bounded. */
  readonly concurrency?: number
}

export interface ClientInfo {
  readonly name: string
  readonly id: string
  readonly principal: string
  readonly state: 'open' | 'detached'
  readonly connectedAt: string
  readonly services: number
  /** Calls that it made and that have not ended. */
  readonly pendingCalls: number
  /** Calls that it was given and that have not ended, also of services that it has taken back. */
  readonly inFlight: number
  readonly labels: Readonly<Record<string, string>>
}

/** One of those that a call to an address could go to. */
export interface InstanceInfo {
  /** Its symbol, which is an address too: a call to it goes to this one instance. */
  readonly symbol: number
  readonly client: string
  readonly id: string
  readonly service: string
  readonly version: string
  /** Those of the offer over those of the client. */
  readonly labels: Readonly<Record<string, string>>
  /** Whether the method that was asked about may run more than once for one call. */
  readonly idempotent: boolean
}

export interface DrainInfo {
  readonly client: string
  /** Calls that it has and that have not ended: it lets them end. */
  readonly inFlight: number
}

/** A name that takes parcels without a connection of its own, as it registers. */
export interface NameOffer {
  readonly name: string
  /** Where they are posted to; absent: it comes for them. */
  readonly address?: string | undefined
  /** How many it takes at once. Default 16. */
  readonly concurrency?: number | undefined
  /** All else that it says of itself. */
  readonly fields?: Readonly<Record<string, unknown>> | undefined
}

export interface NameInfo extends NameOffer {
  /** What posts to its address are signed with; told when it registers and never again. */
  readonly key?: string
  readonly address?: string
  readonly concurrency: number
  readonly fields: Readonly<Record<string, unknown>>
}

/** Where parcels go on that are for nobody: from their sender to another name. */
export interface EdgeInfo {
  readonly from: string
  readonly to: string
}

/** The call that is another try of a dead letter. */
export interface Redriven {
  readonly sn: string
  readonly durability: Durability
  /** It had been made before. */
  readonly duplicate: boolean
}

/** Who asks: a session, or somebody who has none. */
export interface Caller {
  readonly name: string
  readonly principal: Principal
  /** Where what it is answered waits. */
  readonly channel?: Session['channel']
}

export interface RouterView {
  /** No answer may be longer. */
  readonly maxFrameBytes: number
  readonly maxOutboundBytes: number
  /** Calls back when all that was done so far outlives the router, or says why nobody knows whether it does. */
  whenSafe(safe: () => void, failed: (error: WaybillError) => void): void
  info(): RouterInfo
  services(): readonly ServiceInfo[]
  clients(): readonly ClientInfo[]
  /** All that an address means. Throws what a call to it would be refused with. */
  instances(caller: Caller, address: string, method: string | undefined): readonly InstanceInfo[]
  offer(session: Session, offers: readonly Offer[]): readonly Offered[]
  /** The newest first. */
  receipts(caller: Caller, selection: Selection): readonly ReceiptInfo[]
  /** Asks for the cancel of each that has not ended; returns their serial numbers. */
  cancel(caller: Caller, selection: Selection): readonly string[]
  /** Throws `Forbidden` where they are not the session's own and it may not `operate`, as the next ones do. */
  dead(caller: Caller, selection: Selection): readonly DeadLetter[]
  /** Rejects with `NoSuchReceipt`, `BadArguments` for what is no dead letter, or what a call is refused with. */
  redrive(caller: Caller, sn: string, principal: string | undefined): Promise<Redriven>
  /** Keeps them no longer; returns their serial numbers. */
  purge(caller: Caller, selection: Selection): readonly string[]
  mailbox(caller: Caller, isOfAll: boolean): Promise<readonly Waiting[]>
  /** What the callees of a call have recorded, for who has it now. */
  noted(session: Session, lease: string, key: string): Promise<Noted | undefined>
  note(session: Session, lease: string, key: string, value: Noted): Promise<Noted | undefined>
  /** Resolves once it outlives the router. Rejects with `Forbidden` where the name is another principal's. */
  register(session: Session, offer: NameOffer): Promise<NameInfo>
  unregister(caller: Caller, name: string): Promise<void>
  /** Those of the caller's principal. */
  registered(caller: Caller): readonly NameInfo[]
  /** Edges of the caller's principal. These resolve once they outlive the router. */
  connect(caller: Caller, edge: EdgeInfo): Promise<void>
  disconnect(caller: Caller, edge: EdgeInfo): Promise<void>
  edges(caller: Caller): readonly EdgeInfo[]
  cursors(caller: Caller): readonly CursorInfo[]
  forgetCursor(caller: Caller, name: string): boolean
  /** Takes back the instances of these symbols, as far as they are the session's own. */
  withdraw(session: Session, symbols: readonly number[]): void
  /** Asks a client to take its services back. Throws `NoSuchClient` or `Forbidden`. */
  drain(caller: Caller, client: string): DrainInfo
}

/** What `client.remote<RouterApi>('waybill.Router')` offers. */
export interface RouterApi {
  info(): RouterInfo
  services(): readonly ServiceInfo[]
  clients(): readonly ClientInfo[]
  /** Stored calls of your principal, the newest first. */
  receipts(query?: ReceiptQuery): readonly ReceiptInfo[]
  /** Rejects with `NoSuchReceipt`. */
  receipt(sn: string): ReceiptInfo
  /** Cancels the stored calls of your principal that fit and have not ended, and returns their serial numbers. */
  cancel(query: ReceiptQuery): readonly string[]
  /** Dead letters of your principal, the newest first. */
  dead(query?: DeadQuery): readonly DeadLetter[]
  /** Makes another stored call of a dead letter, once. `principal`: whose it is, where that is not you. */
  redrive(sn: string, principal?: string): Redriven
  /** Forgets the dead letters that fit, and returns their serial numbers; not those whose outcome is still owed to a client. */
  purge(query: DeadQuery): readonly string[]
  /** What waits for whom of your principal, or of everyone. */
  mailbox(query?: { readonly everyone?: boolean }): readonly Waiting[]
  /** From now on the name takes parcels, until it is unregistered, a client takes it, or your token is revoked. */
  register(offer: NameOffer): NameInfo
  unregister(name: string): void
  /** Registered names of your principal. */
  registered(): readonly NameInfo[]
  /** Draws an edge of your principal's graph: parcels of `from` that are for nobody go to `to`. */
  connect(edge: EdgeInfo): void
  disconnect(edge: EdgeInfo): void
  edges(): readonly EdgeInfo[]
  /** The named cursors of your principal: how far their readers have read the durable events. */
  cursors(): readonly CursorInfo[]
  /** Deletes one; who reads with it is told `Closed`. False where there is none. */
  forgetCursor(name: string): boolean
  instances(address: string, method?: string): readonly InstanceInfo[]
  /** Asks a client to take its services back and to let what runs end. It stays, and offers nothing again by itself. */
  drain(client: string): DrainInfo
}

type Method = (view: RouterView, caller: Session, args: readonly unknown[]) => unknown

/** Nothing else can be called: names are looked up here and nowhere else. */
export const routerMethods: ReadonlyMap<string, Method> = new Map<string, Method>([
  ['info', (view) => view.info()],
  ['services', (view) => view.services()],
  ['clients', (view) => view.clients()],
  [
    'instances',
    (view, caller, [address, method]) =>
      view.instances(caller, text(address, 'address'), method === undefined ? undefined : text(method, 'method')),
  ],
  ['offer', (view, caller, [offers]) => view.offer(caller, list(offers, 'offers').map(readOffer))],
  [
    'withdraw',
    (view, caller, [symbols]) =>
      view.withdraw(
        caller,
        list(symbols, 'symbols').map((symbol) => whole(symbol, 'symbol')),
      ),
  ],
  ['receipts', (view, caller, [query]) => view.receipts(caller, readSelection(query))],
  [
    'receipt',
    (view, caller, [sn]) => {
      const [receipt] = view.receipts(caller, readSelection({ sn: text(sn, 'sn') }))
      if (receipt === undefined) throw noSuchReceipt(String(sn))
      return receipt
    },
  ],
  ['cancel', (view, caller, [query]) => view.cancel(caller, readCancelSelection(query))],
  ['dead', (view, caller, [query]) => view.dead(caller, readDeadSelection(query))],
  [
    'redrive',
    (view, caller, [sn, principal]) =>
      view.redrive(caller, text(sn, 'sn'), principal === undefined ? undefined : text(principal, 'principal')),
  ],
  ['purge', (view, caller, [query]) => view.purge(caller, readPurgeSelection(query))],
  ['mailbox', (view, caller, [query]) => view.mailbox(caller, object(query ?? {}, 'query')['everyone'] === true)],
  ['noted', (view, caller, [lease, key]) => view.noted(caller, text(lease, 'lease'), text(key, 'key'))],
  [
    'note',
    (view, caller, [lease, key, encoding, bytes]) => {
      if (!(bytes instanceof Uint8Array)) throw bad('bytes', 'a byte array')
      return view.note(caller, text(lease, 'lease'), text(key, 'key'), { encoding: whole(encoding, 'encoding'), bytes })
    },
  ],
  ['register', (view, caller, [offer]) => view.register(caller, readNameOffer(offer))],
  ['unregister', (view, caller, [name]) => view.unregister(caller, text(name, 'name'))],
  ['registered', (view, caller) => view.registered(caller)],
  ['connect', (view, caller, [edge]) => view.connect(caller, readEdge(edge))],
  ['disconnect', (view, caller, [edge]) => view.disconnect(caller, readEdge(edge))],
  ['edges', (view, caller) => view.edges(caller)],
  ['cursors', (view, caller) => view.cursors(caller)],
  ['forgetCursor', (view, caller, [name]) => view.forgetCursor(caller, text(name, 'name'))],
  ['drain', (view, caller, [client]) => view.drain(caller, text(client, 'client'))],
])

/** Those whose work a later start must know of when their caller does. */
export const lastingMethods: ReadonlySet<string> = new Set(['cancel', 'redrive', 'purge', 'note', 'forgetCursor'])

function readOffer(value: unknown): Offer {
  const { service, version, labels, concurrency, methods, idempotent, perCaller } = object(value, 'offer')
  return {
    service: text(service, 'offer.service'),
    version: text(version, 'offer.version'),
    labels: Object.fromEntries(
      Object.entries(object(labels ?? {}, 'offer.labels')).map(([label, content]) => [label, text(content, `offer.labels.${label}`)]),
    ),
    concurrency: concurrency === undefined ? Number.POSITIVE_INFINITY : whole(concurrency, 'offer.concurrency'),
    methods: list(methods, 'offer.methods').map((method) => text(method, 'offer.methods')),
    idempotent: new Set(list(idempotent ?? [], 'offer.idempotent').map((method) => text(method, 'offer.idempotent'))),
    perCaller: perCaller === true,
  }
}

function readNameOffer(value: unknown): NameOffer {
  const { name, address, concurrency, fields } = object(value, 'offer')
  return {
    name: text(name, 'offer.name'),
    address: address === undefined ? undefined : text(address, 'offer.address'),
    concurrency: concurrency === undefined ? undefined : whole(concurrency, 'offer.concurrency'),
    fields: fields === undefined ? undefined : object(fields, 'offer.fields'),
  }
}

function readEdge(value: unknown): EdgeInfo {
  const { from, to } = object(value, 'edge')
  return { from: text(from, 'edge.from'), to: text(to, 'edge.to') }
}

function bad(path: string, expected: string): WaybillError {
  return new WaybillError('BadArguments', `${path} is not ${expected}`, {
    details: { issues: [{ path, message: `expected ${expected}` }] },
  })
}

function list(value: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(value)) throw bad(path, 'a list')
  return value
}

function object(value: unknown, path: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad(path, 'an object')
  return value as Record<string, unknown>
}

function text(value: unknown, path: string): string {
  if (typeof value !== 'string') throw bad(path, 'a string')
  return value
}

function whole(value: unknown, path: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw bad(path, 'a whole number')
  return value
}
