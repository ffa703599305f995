/** The client: the one place that sees its parts, and what the user holds. */
import { callNumber, defaultLimits, Feature, FrameType, isSerialNumber, mintIncarnation, quoted, WaybillError } from '@waybill/core'
import type { BodyLimits, DeadLetter, DeadQuery, Ports, Receipt, ReceiptInfo, ReceiptQuery, Tracing, Transport } from '@waybill/core'
import type { DurableEventsOptions, DurableSubscription, DurableTopicDefinition, EventsOptions, PublishOptions } from '@waybill/core'
import type { Remote, RemoteOptions, ServiceDefinition, ServiceDescription, StoredEvent, Subscription } from '@waybill/core'
import type { TopicDefinition } from '@waybill/core'
import type { Incident } from './answers.js'
import { aside } from './aside.js'
import { defaultBackoff, type Backoff } from './backoff.js'
import { Connection } from './connection.js'
import type { ConnectionStatus } from './connection-status.js'
import { Fans } from './fans.js'
import { describe, type Described } from './describe.js'
import type { Digest } from './digests/digest.js'
import { Dispatch } from './dispatch.js'
import { late, type Late } from './late.js'
import { listen } from './listening.js'
import type { Loadable } from './loadable.js'
import { Names } from './names.js'
import type { Exposed, RouterCalls } from './offers.js'
import type { Kept, KeptParts } from './outbox/kept.js'
import { Outgoing } from './outgoing.js'
import type { Postbacks, PostbackListener } from './postbacks.js'
import { LiveReceipt } from './receipt.js'
import { remoteProxy } from './remote.js'
import type { Serving } from './serving.js'
import { Topics } from './topics.js'
import { Spans } from './tracing.js'

export interface ClientParts {
  readonly url: string
  readonly transport: Transport
  readonly ports: Ports
  readonly name?: string | undefined
  readonly token?: string | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly backoff?: Backoff | undefined
  readonly onIncident: (incident: Incident) => void
  readonly tracing?: Tracing | undefined
  /** Told whenever the client has begun to offer something. */
  readonly onExpose?: ((client: Client) => void) | undefined
  /** For calls with a key. */
  readonly digest: Digest
  readonly loadable: Loadable
}

export interface CloseOptions {
  /** How long running calls may take to end, in milliseconds. Default 25,000. */
  readonly drainMs?: number
}

const ATTEMPT_MS = 5000
const ACKNOWLEDGE_MS = 20
const DRAIN_MS = 25_000

export class Client implements AsyncDisposable {
  /** Settles when the client has ended for good: undefined after `close()`, else why. */
  readonly closed: Promise<WaybillError | undefined>
  readonly #ports: Ports
  readonly #connection: Connection
  readonly #outgoing: Outgoing
  readonly #fans: Fans
  readonly #serving: Late<Serving>
  readonly #dispatch: Dispatch
  readonly #topics: Topics
  readonly #postbacks: Late<Postbacks>
  readonly #router: RouterCalls
  readonly #names = new Names()
  readonly #exposing: ((client: Client) => void) | undefined
  readonly #limits: { -readonly [K in keyof BodyLimits]: BodyLimits[K] }
  readonly #listeners = new Set<(status: ConnectionStatus) => void>()
  #closing: Promise<void> | undefined
  #timeUp = (): void => {}
  #draining = false
  #sessions = 0
  /** Why the last attempt to reach the router failed. */
  #unreachable: WaybillError | undefined
  #ended!: (error: WaybillError | undefined) => void
  #welcome: { resolve: () => void; reject: (error: WaybillError) => void } | undefined

  /** @internal Use `connect()`. */
  constructor(parts: ClientParts) {
    const { ports, url, transport, name, token, labels, loadable } = parts
    const incarnation = mintIncarnation(ports.clock, ports.random)
    // Those of this side until the router has told its own.
    const limits = { ...defaultLimits }
    this.#limits = limits
    this.#ports = ports
    this.#exposing = parts.onExpose
    this.closed = new Promise((resolve) => (this.#ended = resolve))
    const introduction = {
      incarnation,
      ...(name !== undefined && { name }),
      ...(labels !== undefined && { labels }),
      ...(token !== undefined && { credentials: { token } }),
      features: [Feature.leases],
    }
    const streams = late(loadable.streams, (its) => its)
    this.#connection = new Connection(
      {
        url,
        transport,
        ports,
        introduction,
        backoff: parts.backoff ?? defaultBackoff,
        attemptMs: ATTEMPT_MS,
        acknowledgeMs: ACKNOWLEDGE_MS,
        bodies: streams,
        postbacks: () => this.#postbacks,
      },
      {
        opened: () => this.#opened(),
        frame: (frame) => this.#dispatch.frame(frame),
        unreachable: (error) => (this.#unreachable = error),
        lost: (reason) => this.#lost(reason),
        ended: (error) => this.#end(error),
      },
    )
    const spans = parts.tracing && new Spans(parts.tracing)
    this.#outgoing = new Outgoing({
      connection: this.#connection,
      ports,
      incarnation,
      limits,
      running: () => this.#serving.now?.incoming.running(),
      spans,
      digest: parts.digest,
      cancelStored: async (sn) => void (await this.#router.cancel({ sn })),
      streams,
    })
    const groups = late(loadable.groups, (kind) => new kind(this.#outgoing, this.#names, ports.clock))
    this.#fans = new Fans({ groups, bodies: streams, limits, mint: () => this.#outgoing.mint() })
    this.#postbacks = late(
      loadable.postbacks,
      (kind) => new kind({ limits, soon: ports.soon, connection: this.#connection, receipt: (sn) => this.receipt(sn) }),
    )
    this.#topics = new Topics({
      events: loadable.events,
      bodies: streams,
      connection: this.#connection,
      limits,
      soon: ports.soon,
      nextNumber: () => callNumber(this.#outgoing.prepare()),
      refused: (topic, error) => this.#tell({ kind: 'notPublished', topic, error }),
    })
    this.#router = this.remote<RouterCalls>('waybill.Router') as unknown as RouterCalls
    this.#dispatch = new Dispatch({
      connection: this.#connection,
      names: this.#names,
      outgoing: this.#outgoing,
      serving: () => this.#serving.now,
      events: this.#topics.events,
      postbacks: this.#postbacks,
      drain: () => void this.#drain(),
    })
    const served = { connection: this.#connection, names: this.#names, ports, limits, router: this.#router, spans }
    const { serving, isolation } = loadable
    // Methods take and give whatever a body can say.
    const whole = 'now' in serving ? serving : { load: async () => (await Promise.all([serving.load(), streams.load()]))[0] }
    this.#serving = late(whole, (kind) => new kind({ ...served, report: parts.onIncident, isolation }))
  }

  /** @internal Resolves when the router has welcomed the client; rejects when it refuses, or with the last failure after `timeoutMs`. */
  open(timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#unreachable = new WaybillError('RouterUnreachable', `no router answered within ${timeoutMs} ms`)
      const timer = this.#ports.clock.timer(timeoutMs, () => this.#connection.stop(this.#unreachable))
      this.#welcome = {
        resolve: () => {
          timer.cancel()
          resolve()
        },
        reject: (error) => {
          timer.cancel()
          reject(error)
        },
      }
      this.#connection.start()
    })
  }

  /** @internal Keeps calls in an outbox until the router has stored them, and sends what earlier processes left. */
  keepIn(keep: (parts: Omit<KeptParts, 'outbox'>) => Kept): void {
    const parts = { outgoing: this.#outgoing, connection: this.#connection, clock: this.#ports.clock }
    this.#outgoing.kept = keep({ ...parts, notSent: (sn, error) => this.#tell({ kind: 'notSent', sn, error }) })
  }

  /** @internal Its surroundings have slept, or have a network again: the link is doubted, and what waits to try again tries at once. */
  wake(): void {
    this.#connection.wake()
  }

  /** The name under which others reach this client. */
  get name(): string {
    return this.#connection.connected?.name ?? ''
  }

  get isConnected(): boolean {
    return this.#connection.isLinked
  }

  /** Calls of this client that have not ended, and calls that it is running. */
  get pending(): { readonly outgoing: number; readonly incoming: number } {
    return { outgoing: this.#outgoing.pending, incoming: this.#serving.now?.incoming.size ?? 0 }
  }

  /** Calls `listener` with what happens to the connection from now on; the function that is returned ends that. */
  onStatus(listener: (status: ConnectionStatus) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * A proxy for what is offered at an address: `remote<Dog>('Dog@^1')`, or `remote(dog)` for a definition made with `service()`. Nothing is
   * sent before a method is called. Throws `BadAddress`.
   */
  remote<T extends object>(address: string | ServiceDefinition<T>, options: RemoteOptions = {}): Remote<T> {
    const source = { starter: this.#outgoing, fans: this.#fans, names: this.#names }
    if (typeof address === 'string') return remoteProxy(source, address, options) as Remote<T>
    return remoteProxy({ ...source, definition: address }, address.address, options) as Remote<T>
  }

  /** A stored call by its serial number: one of this client's, or of another one of the same principal. Throws `BadAddress`. */
  receipt<T>(sn: string): Receipt<T> {
    if (!isSerialNumber(sn)) throw new WaybillError('BadAddress', `${quoted(sn)} is not a serial number such as a receipt's sn`)
    return new LiveReceipt<T>(sn.toLowerCase(), this.#outgoing)
  }

  /** The stored calls of this principal that fit, the newest first. */
  receipts(query: ReceiptQuery = {}): Promise<readonly ReceiptInfo[]> {
    return this.#router.receipts(query)
  }

  /** Cancels the stored calls that fit and have not ended, and resolves to their serial numbers; each ends with an outcome of its own. */
  cancelReceipts(query: ReceiptQuery): Promise<readonly string[]> {
    return this.#router.cancel(query)
  }

  /** The dead letters of this principal that fit, the newest first: stored calls that have ended without having been done for certain. */
  deadLetters(query: DeadQuery = {}): Promise<readonly DeadLetter[]> {
    return this.#router.dead(query)
  }

  /** Tries a dead letter again, once, as another stored call that asks for the same; this is its receipt. The dead one stays, with a note of it. */
  async redrive<T>(sn: string): Promise<Receipt<T>> {
    const stored = await this.#router.redrive(sn)
    return new LiveReceipt<T>(stored.sn, this.#outgoing, stored)
  }

  /** Has the router forget the dead letters that fit, and resolves to their serial numbers. What is still owed to a client that is away stays. */
  purge(query: DeadQuery): Promise<readonly string[]> {
    return this.#router.purge(query)
  }

  /**
   * Calls `listener` with what becomes of calls whose callers named this client as their `replyto`; the function that is returned ends that. Outcomes wait for
   * the first listener: here, and beyond this process at the router.
   */
  onPostback(listener: PostbackListener): () => void {
    return listen(listener, this.#postbacks)
  }

  /** What the service at an address is: its methods, what they take and give, and on what terms. */
  describe(address: string, options: RemoteOptions = {}): Promise<ServiceDescription> {
    return describe(this.remote<Described>(address, options))
  }

  /**
   * Offers an instance or a class marked with `@Remote`, what `functions()` made of a module, or an implementation of a definition made with `service()`. Resolves when the router
   * knows of it; it is offered again by itself whenever a new session begins.
   */
  expose(target: object): Promise<Exposed>
  expose<T extends object>(definition: ServiceDefinition<T>, implementation: NoInfer<T> | (new () => NoInfer<T>)): Promise<Exposed>
  expose(target: object, implementation?: object): Promise<Exposed> {
    const exposing = ({ offers }: Serving): Promise<Exposed> => offers.expose(target, implementation)
    return (this.#serving.now === undefined ? this.#serving.load().then(exposing) : exposing(this.#serving.now)).then((exposed) => {
      this.#exposing?.(this)
      return exposed
    })
  }

  /**
   * Publishes an event to whoever subscribes at this moment, this client included. Resolves when it is handed over: at once, or when there is credit
   * again where it used up the credit. Rejects with `Overloaded` where there is no credit or no connection, `TooLarge` for what does not fit in one
   * frame, `NotRepresentable`, `BadAddress`. What the router refuses is told by `onStatus`, as `notPublished`.
   *
   * A durable event resolves as soon as the router has stored it. It waits for credit, and rejects with `Overloaded` where there is no connection or the router
   * has no room, `RouterLost` where the session is lost meanwhile: with `executed: 'maybe'` where it may be stored all the same.
   */
  publish<T>(topic: DurableTopicDefinition<T>, value: NoInfer<T>, options?: { readonly durable?: true }): Promise<StoredEvent>
  publish<T>(topic: string | TopicDefinition<T>, value: NoInfer<T>, options: { readonly durable: true }): Promise<StoredEvent>
  publish<T>(topic: TopicDefinition<T>, value: NoInfer<T>, options?: { readonly durable?: false }): Promise<void>
  publish(topic: string, value?: unknown, options?: { readonly durable?: false }): Promise<void>
  publish(topic: string | TopicDefinition<unknown>, value?: unknown, options?: PublishOptions): Promise<StoredEvent | void> {
    return this.#topics.publish(topic, value, options)
  }

  /**
   * Events from now on: of one topic, or of each that a pattern covers, where `*` stands for one name and `**`, at the end, for one or more. What is
   * published before the subscription is `ready` may be missed. With `after` or `cursor`, all durable ones that are kept from there on, too, and none of
   * them is missed. Throws `BadAddress`, and `BadArguments` for what is no id.
   */
  events<T = unknown>(pattern: string | TopicDefinition<T>, options: DurableEventsOptions): DurableSubscription<T>
  events<T = unknown>(pattern: string | TopicDefinition<T>, options?: EventsOptions): Subscription<T>
  events(pattern: string | TopicDefinition<unknown>, options?: EventsOptions): Subscription<unknown> {
    return this.#topics.subscribe(pattern, options)
  }

  /**
   * Hops off: takes the services back, lets running calls end, in both directions, within `drainMs`, and says goodbye. Until then it also waits for the
   * router to have the outcome of stored calls for good, and for the router itself where it still has such calls. What has not ended by then ends with
   * `Closed`. Asked again, it gives them no more time than it is told then.
   */
  close(options: CloseOptions = {}): Promise<void> {
    if (this.#closing !== undefined && options.drainMs !== undefined) this.#hurry(options.drainMs)
    return (this.#closing ??= this.#close(options.drainMs ?? DRAIN_MS))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(drainMs: number): Promise<void> {
    if ((this.#connection.isLinked || this.#serving.now?.incoming.hasLeases === true) && drainMs > 0) {
      const late = new Promise<void>((resolve) => (this.#timeUp = resolve))
      const timer = this.#ports.clock.timer(drainMs, this.#timeUp)
      await Promise.race([this.#finish(), late, this.closed])
      timer.cancel()
    }
    this.#connection.stop()
  }

  #hurry(drainMs: number): void {
    const timer = this.#ports.clock.timer(drainMs, this.#timeUp)
    void this.closed.then(() => timer.cancel())
  }

  async #finish(): Promise<void> {
    await this.#serving.now?.offers.withdrawAll().catch(() => {})
    await this.#serving.now?.incoming.close()
    await this.#outgoing.drained()
    await this.#connection.flushed()
  }

  /** The router wants this client empty. Asked again meanwhile, it goes on. */
  async #drain(): Promise<void> {
    if (this.#draining || this.#closing !== undefined) return
    this.#draining = true
    this.#tell({ kind: 'draining' })
    await this.#serving.now?.offers.withdrawAll().catch(() => {})
    await this.#serving.now?.incoming.drained()
    this.#draining = false
    this.#tell({ kind: 'drained' })
  }

  #opened(): void {
    const { router, name, limits, features } = this.#connection.connected!
    this.#limits.maxBodyBytes = limits.maxBodyBytes
    if (++this.#sessions > 1 && features.includes(Feature.leases)) this.#ask()
    this.#welcome?.resolve()
    this.#outgoing.kept?.opened()
    this.#topics.opened()
    // A loss of this session brings the next one, which offers again; any other failure is the user's to know.
    this.#serving.now?.offers.again().catch((thrown: unknown) => {
      const error = WaybillError.from(thrown)
      if (error.code !== 'RouterLost' && error.code !== 'Closed') this.#tell({ kind: 'notOffered', error })
    })
    this.#tell({ kind: 'connected', router: router.name, name })
  }

  /** Says what it still has of the sessions before: nothing, as long as it offers nothing. */
  #ask(): void {
    if (this.#serving.now !== undefined) this.#serving.now.incoming.ask()
    else this.#connection.write({ type: FrameType.holds, source: this.#connection.connected!.symbol })
  }

  #lost(reason: string): void {
    this.#names.forget()
    this.#outgoing.lost(reason)
    this.#postbacks.now?.lost()
    this.#serving.now?.incoming.lost(reason)
    this.#topics.lost()
    this.#tell({ kind: 'lost', reason })
  }

  #end(error: WaybillError | undefined): void {
    this.#welcome?.reject(error ?? new WaybillError('Closed', 'the client was closed', { executed: 'no' }))
    this.#outgoing.close(error ?? new WaybillError('Closed', 'the client was closed', { executed: 'no' }))
    this.#serving.now?.incoming.lost(error?.message ?? 'the client was closed', true)
    this.#topics.close(error)
    this.#serving.now?.offers.retire()
    this.#tell({ kind: 'closed', error })
    this.#listeners.clear()
    this.#ended(error)
  }

  #tell(status: ConnectionStatus): void {
    for (const listener of this.#listeners) aside(() => listener(status))
  }
}
