/**
 * The router's own API as a remote class at the address `waybill.Router`: what the CLI and dashboards ask, and what clients use to offer their
 * services. Sees the router only through the small `RouterView`.
 */
import { WaybillError, type DeadLetter, type DeadQuery, type Durability, type ReceiptInfo, type ReceiptQuery } from '@waybill/core'
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

/** The call that is another try of a dead letter. */
export interface Redriven {
  readonly sn: string
  readonly durability: Durability
  /** It had been made before. */
  readonly duplicate: boolean
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
  instances(session: Session, address: string, method: string | undefined): readonly InstanceInfo[]
  offer(session: Session, offers: readonly Offer[]): readonly Offered[]
  /** The newest first. */
  receipts(session: Session, selection: Selection): readonly ReceiptInfo[]
  /** Asks for the cancel of each that has not ended; returns their serial numbers. */
  cancel(session: Session, selection: Selection): readonly string[]
  /** Throws `Forbidden` where they are not the session's own and it may not `operate`, as the next ones do. */
  dead(session: Session, selection: Selection): readonly DeadLetter[]
  /** Rejects with `NoSuchReceipt`, `BadArguments` for what is no dead letter, or what a call is refused with. */
  redrive(session: Session, sn: string, principal: string | undefined): Promise<Redriven>
  /** Keeps them no longer; returns their serial numbers. */
  purge(session: Session, selection: Selection): readonly string[]
  mailbox(session: Session, isOfAll: boolean): Promise<readonly Waiting[]>
  /** What the callees of a call have recorded, for who has it now. */
  noted(session: Session, lease: string, key: string): Promise<Noted | undefined>
  note(session: Session, lease: string, key: string, value: Noted): Promise<Noted | undefined>
  cursors(session: Session): readonly CursorInfo[]
  forgetCursor(session: Session, name: string): boolean
  /** Takes back the instances of these symbols, as far as they are the session's own. */
  withdraw(session: Session, symbols: readonly number[]): void
  /** Asks a client to take its services back. Throws `NoSuchClient` or `Forbidden`. */
  drain(session: Session, client: string): DrainInfo
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
