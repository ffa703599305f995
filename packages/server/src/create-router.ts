/** `createRouter`: options with their checks and defaults, and the handle that the user gets. */
import { hostname } from 'node:os'
import { isName, WaybillError, type Ports, type Tracing, type Transport } from '@waybill/core'
import { systemPorts } from '@waybill/core/system'
import { tokenAuthentication, unchanging, type Access, type Principal, type TokenSource } from './access.js'
import { checkedDoors, openDoors, type Doors, type DoorsOptions } from './gateways/doors.js'
import { memoryTransport } from './gateways/memory.js'
import { Signer, type SigningOptions } from './gateways/signing.js'
import type { JsonDoorOptions } from './gateways/websocket.js'
import { lateHttpDoor } from './http/late.js'
import { Who } from './http/who.js'
import { Incidents, thrownText, type RouterIncident } from './incidents.js'
import { RouterLog, type Log } from './log.js'
import { defaultLimits, type Limits } from './limits.js'
import type { Metrics } from './metrics/index.js'
import { metricsPage } from './metrics-page.js'
import { MemoryJournal } from './journal/memory.js'
import type { RecoveryReport } from './journal/index.js'
import { beginKept, emptyKept, type Kept } from './kept.js'
import type { OpenedStore } from './open-store.js'
import type { Poster } from './parcels/index.js'
import { Router, type RouterLoad } from './router.js'
import { Tally } from './tally.js'
import { lateTrpc } from './trpc/late.js'
import { Webhooks, type WebhookOptions } from './webhooks/index.js'

export { DEFAULT_PORT, DEFAULT_TCP_PORT } from './gateways/doors.js'

export interface RouterOptions extends DoorsOptions {
  /** What the router calls itself; default: the host's name. */
  readonly name?: string
  /** Label → token: who presents the token is the principal of that label. Or where tokens come from that can be revoked: `tokenFile(path)` of
   * `@waybill/server/tokens`. Without any, everybody who can connect is `local`. */
  readonly tokens?: Readonly<Record<string, string>> | TokenSource
  /** Instead of `tokens`. Where it changes its mind about somebody, `revoke` of the handle is to be called. */
  readonly authenticate?: Access['authenticate']
  readonly authorize?: Access['authorize']
  readonly limits?: Partial<Limits>
  /** Keys for signed messages of JSON clients. */
  readonly signing?: SigningOptions
  /** The folder in which stored calls outlive the router; made where there is none, and this router's alone. Default: they live in its memory. */
  readonly data?: string
  /** Lets clients register addresses that the router posts to: which. Default: none. */
  readonly webhooks?: WebhookOptions
  /** Told of each fault of which clients only learn the number. Default: one line of JSON to stderr. */
  readonly onIncident?: (incident: RouterIncident) => void
  /** Told what happens, but never what calls carry; pino is one. Faults go there too, where there is no `onIncident`. Default: none. */
  readonly log?: Log
  /** For tests: a virtual clock, a seeded source of randomness. */
  readonly ports?: Ports
  /** A span of the router's own for each call: `otelTracing()` of `@waybill/client/otel`. Contexts are passed on without it. Default: none. */
  readonly tracing?: Tracing
  /** Counts what happens, and serves it to Prometheus as `GET /metrics` on the WebSocket's port; to whoever may connect. Default false. */
  readonly metrics?: boolean
}

export interface RouterHandle extends AsyncDisposable {
  /** What clients connect to: the first of `urls`; undefined for a router that does not listen. */
  readonly url: string | undefined
  readonly port: number | undefined
  /** Of each door that was asked for: WebSocket, TCP, Unix, in this order. */
  readonly urls: readonly string[]
  /** Connects a client in the same process: `connect('memory:', { transport: router.transport })`. */
  readonly transport: Transport
  readonly load: RouterLoad
  /** What the start found in the folder of `data`; undefined without one. */
  readonly recovered: RecoveryReport | undefined
  /** Ends every session of the principal, which is told `Unauthorized`, and lets nobody in whose credentials were looked at before. How many there
   * were. Whether it may come back is the business of `authenticate`. */
  revoke(principal: Principal): number
  close(): Promise<void>
}

/**
 * Starts a router. Rejects with `RouterUnreachable` when it cannot listen, `Forbidden` when that would not be safe, `Damaged` or `Incompatible` where it
 * must not touch what is in the folder of `data`, `Overloaded` with `details.pid` where another process has that.
 */
export async function createRouter(options: RouterOptions = {}): Promise<RouterHandle> {
  const openings = checkedDoors(options, options.tokens !== undefined || options.authenticate !== undefined)
  const opened = options.data === undefined ? undefined : await openedIn(options.data, options)
  let composed: ReturnType<typeof composeRouter>
  try {
    composed = composeRouter(opened === undefined ? options : withStore(options, opened.kept))
  } catch (thrown) {
    await opened?.kept.store.journal.close()
    throw thrown
  }
  const { router, ports, log, tally } = composed
  if (opened !== undefined) log.recovered(opened.report)
  const incidents = new Incidents(ports.random, options.onIncident)
  const json = jsonDoor(options, ports)
  const who = whoOf(router)
  // A body may pause for longer than an introduction.
  const shared = { router, who, json, pace: { clock: ports.clock, idleMs: 4 * router.openingMs } }
  const trpc = lateTrpc({ ...shared, disclosed: (error) => incidents.disclosed('tRPC', error) })
  const web = lateHttpDoor({
    ...shared,
    trpc: (request) => trpc.answer(request),
    disclosed: (error) => incidents.disclosed('HTTP door', error),
  })
  const upgrades = new Map([['/trpc', trpc.upgrade]])
  let metrics: Metrics | undefined
  let doors: Doors
  try {
    // Loaded here, as only few need it.
    if (tally !== undefined) metrics = (await import('./metrics/index.js')).metricsOf(() => router.measured, tally)
    const page = metrics && metricsPage(metrics, (token) => router.letObserve(token))
    doors = await openDoors(openings, { entrance: router, ports, json, page, web, upgrades })
    router.parcels.base = (doors.all[0]?.url ?? '').replace(/^ws/, 'http')
  } catch (thrown) {
    metrics?.close()
    router.close()
    await opened?.kept.store.journal.close()
    throw thrown
  }
  for (const { url } of doors.all) log.listening(url)
  const close = async (): Promise<void> => {
    router.close()
    who.stop()
    metrics?.close()
    await doors.close()
    await opened?.kept.store.journal.close()
  }
  return {
    url: doors.all[0]?.url,
    port: doors.all[0]?.port,
    urls: doors.all.map(({ url }) => url),
    transport: memoryTransport(router, ports.soon),
    get load() {
      return router.load
    },
    recovered: opened?.report,
    revoke: (principal) => router.revoke(principal),
    close,
    [Symbol.asyncDispose]: close,
  }
}

function whoOf(router: Router): Who {
  const who = new Who((token) => router.identify(token))
  router.whenRevoked.add((principal, digest) => who.revoke(principal, digest))
  return who
}

/** The router without any gateway, for embedding and for simulation. */
export function composeRouter(options: Omit<RouterOptions, keyof DoorsOptions> & Partial<Kept>): {
  router: Router
  ports: Ports
  log: RouterLog
  tally: Tally | undefined
} {
  if (options.tokens !== undefined && options.authenticate !== undefined) {
    throw new WaybillError('BadArguments', 'give tokens or authenticate, not both')
  }
  const ports = options.ports ?? systemPorts
  const name = nameOf(options)
  const log = new RouterLog(options.log, () => ports.clock.nowMs())
  const onIncident = options.onIncident ?? (options.log && incidentIn(log))
  const tally = options.metrics === true ? new Tally() : undefined
  const { store, eventLog, registrations, edges } = keptIn(options)
  const poster = options.webhooks && posterOf(new Webhooks(options.webhooks, { ports }), () => registrations.secret(ports.random))
  const { journal } = store
  const epoch = journal.durability === 'memory' ? Math.floor(ports.clock.wallMs()) : journal.epoch
  const router = new Router({
    ports,
    store,
    eventLog,
    registrations,
    edges,
    poster,
    limits: checkLimits({ ...defaultLimits, ...options.limits }),
    incidents: new Incidents(ports.random, onIncident),
    log,
    tally,
    tracing: options.tracing,
    tokens: tokensOf(options),
    authorize: options.authorize,
    identity: { name, epoch, ...(journal.store !== undefined && { store: journal.store }) },
  })
  return { router, ports, log, tally }
}

/** What stands on a disk may be much more than what a memory holds. */
const ON_DISK: Partial<Limits> = { maxReceipts: 4 * 1024 * 1024, maxLoggedBytes: 1024 * 1024 * 1024 }

function withStore(options: RouterOptions, kept: Kept): RouterOptions & Kept {
  return { ...options, ...kept, limits: { ...ON_DISK, ...options.limits } }
}

async function openedIn(folder: string, options: RouterOptions): Promise<OpenedStore> {
  const ports = options.ports ?? systemPorts
  const log = new RouterLog(options.log, () => ports.clock.nowMs())
  // Loaded here, as not every router keeps anything.
  const { openStore } = await import('./open-store.js')
  return openStore(folder, ports, (error) => log.storeFailed(thrownText(error)))
}

/** By default one that ends with the process. Its epoch is the time of the start: later starts have higher ones. Parts that are not given are new. */
function keptIn(given: Partial<Kept>): Kept {
  const kept = emptyKept()
  beginKept(kept, given.store?.journal ?? new MemoryJournal())
  return { ...kept, ...definedOf(given) }
}

function definedOf({ store, eventLog, registrations, edges }: Partial<Kept>): Partial<Kept> {
  return { ...(store && { store }), ...(eventLog && { eventLog }), ...(registrations && { registrations }), ...(edges && { edges }) }
}

/** `secret` of the store, in hexadecimal digits. */
function posterOf(webhooks: Webhooks, secret: () => string): Poster {
  const keyOf: Poster['keyOf'] = ({ principal, name, address = '', ms }) =>
    webhooks.keyOf({ principal, name, address, registeredMs: ms }, Buffer.from(secret(), 'hex'))
  return {
    keyOf,
    check: (address, signal) => webhooks.admit(address, signal),
    post: (registration, request, signal) => webhooks.post(registration.address!, { ...request, key: keyOf(registration) }, signal),
  }
}

function incidentIn(log: RouterLog): (incident: RouterIncident) => void {
  return ({ incident, where, error }) => log.incident(incident, where, thrownText(error))
}

function tokensOf({ tokens, authenticate }: RouterOptions): TokenSource {
  if (authenticate !== undefined) return unchanging(authenticate)
  // A label may be called `open`: its token is text.
  if (typeof tokens?.open === 'function') return tokens as TokenSource
  return unchanging(tokenAuthentication(tokens as Readonly<Record<string, string>> | undefined))
}

/** What the router calls itself. */
function nameOf(options: Pick<RouterOptions, 'name'>): string {
  const name =
    options.name ??
    hostname()
      .replaceAll(/[^0-9A-Za-z_-]/g, '-')
      .slice(0, 64)
  if (!isName(name)) throw new WaybillError('BadAddress', `${JSON.stringify(name)} is not a name for a router`)
  return name
}

function jsonDoor(options: RouterOptions, ports: Ports): JsonDoorOptions {
  const incidents = new Incidents(ports.random, options.onIncident)
  return {
    ports,
    signer: options.signing && new Signer(options.signing),
    audience: nameOf(options),
    disclosed: (error) => incidents.disclosed('JSON door', error),
  }
}

function checkLimits(limits: Limits): Limits {
  for (const [name, value] of Object.entries(limits)) {
    if (!Number.isFinite(value) || value < 1)
      throw new WaybillError('BadArguments', `the limit ${name} is ${value}, which is not a number from 1 on`)
  }
  return limits
}
