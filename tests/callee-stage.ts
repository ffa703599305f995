/**
 * A client between a test and the wire: its router is the test's own, which takes what is offered and sends whatever frames it is told to. So
 * a callee sees calls that no caller of ours would make, and a caller hears what no router of ours would say. Owns the world; knows what the client
 * said as frames, in order.
 */
import { connect, type Client, type ConnectOptions, type Incident } from '@waybill/client'
import {
  Exchange,
  extensionField,
  findField,
  findText,
  Flag,
  FrameReader,
  FrameType,
  joinFields,
  parseBody,
  prepareBody,
  Slab,
  Tag,
  writeFrame,
  writeOpening,
  type FrameHead,
  type Link,
  type LinkEvents,
  type Transport,
} from '@waybill/core'
import { World } from '@waybill/testkit'

const slab = new Slab()
const encoder = new TextEncoder()
export const CLIENT = 0x100001
export const CALLER = 0x100002

export interface Said {
  readonly type: number
  readonly flags: number
  readonly destination: number
  readonly call: number
  readonly extensionBytes: number
  field(tag: number): Uint8Array | undefined
  /** Of a piece, the bytes. */
  readonly value: unknown
}

export interface StageOptions extends Omit<ConnectOptions, 'ports' | 'transport'> {
  /** What the router can do beyond the rest. */
  readonly features?: readonly string[]
  readonly windowBytes?: number
  readonly maxFrameBytes?: number
}

export interface CallParts {
  readonly instance?: number
  readonly source?: number
  readonly flags?: number
  readonly ttlMs?: number
  readonly attempt?: number
  /** By tag; what is no bytes is written as JSON where it is no text. */
  readonly fields?: Readonly<Record<number, unknown>>
}

interface Offered {
  readonly service: string
  readonly methods: readonly string[]
}

export class Stage implements Transport, AsyncDisposable {
  readonly world = new World({ flows: true })
  readonly process = this.world.process('callee')
  readonly said: Said[] = []
  readonly offers: Offered[] = []
  readonly withdrawn: number[] = []
  readonly incidents: Incident[] = []
  client!: Client
  sessions = 0
  /** What the router says of itself, and its limits, from the next session on. */
  router: { readonly name: string; readonly epoch: number; readonly store?: string } = { name: 'fake', epoch: 1 }
  limits = {
    windowBytes: 2 ** 20,
    maxFrameBytes: 2 ** 20,
    maxBodyBytes: 2 ** 23,
    heartbeatMs: 1e9,
    heartbeatGraceMs: 1e9,
    resumeGraceMs: 750,
  }
  features: readonly string[] = []
  #exchange = new Exchange()
  #events: LinkEvents | undefined
  /** Of this session, the types of all that was heard, in order. */
  heard: number[] = []
  /** Nobody answers. */
  isDown = false
  #isWelcomed = false
  #calls = 0

  static async open({ features = [], windowBytes, maxFrameBytes, ...options }: StageOptions = {}): Promise<Stage> {
    const stage = new Stage()
    stage.features = features
    if (windowBytes !== undefined) stage.limits.windowBytes = windowBytes
    if (maxFrameBytes !== undefined) stage.limits.maxFrameBytes = maxFrameBytes
    stage.client = await connect('ws://fake', {
      onIncident: (incident) => stage.incidents.push(incident),
      ...options,
      ports: stage.process,
      transport: stage,
    })
    stage.send({ type: FrameType.symbol, source: CALLER }, [who('caller', 'local')])
    stage.said.length = 0
    return stage
  }

  // ---- Transport

  open(_url: string, events: LinkEvents): Promise<Link> {
    if (this.isDown) return Promise.reject(new Error('nobody listens'))
    this.#events = events
    this.#isWelcomed = false
    const end = (): void => void this.world.after(0, () => events.ended({ reason: '' }))
    const send = (packet: Uint8Array): void => this.#packet(packet)
    return Promise.resolve({ bufferedBytes: 0, pause: () => {}, resume: () => {}, end, terminate: end, send })
  }

  /** The session ends, and the client begins a new one. */
  async lose(): Promise<void> {
    await this.leave()
    await this.back()
  }

  /** The session ends, and nobody is there. */
  async leave(): Promise<void> {
    this.isDown = true
    this.#events!.ended({ reason: 'cut' })
    await this.world.advance(2000)
  }

  /** Somebody is there again. */
  async back(): Promise<void> {
    this.isDown = false
    await this.world.advance(11_000)
  }

  // ---- what is sent

  /** Sends one call, and returns its number. */
  call(method: string, args: readonly unknown[] = [], parts: CallParts = {}): number {
    const number = ++this.#calls
    const { instance = 1, source = CALLER, flags = 0, ttlMs = 0, attempt = 0, fields = {} } = parts
    const extension = Object.entries({ [Tag.method]: method, ...fields }).map(([tag, value]) =>
      extensionField(Number(tag), contentOf(value)),
    )
    const start = writeFrame(
      slab,
      { type: FrameType.call, flags, destination: instance, source, call: number, ttlMs },
      joinFields(extension),
      prepareBody(args),
    )
    const frame = slab.bytes.slice(start, slab.at)
    frame[31] = attempt
    this.raw(frame)
    return number
  }

  cancel(number: number, source = CALLER): void {
    this.send({ type: FrameType.cancel, source, call: number })
  }

  send(head: FrameHead, fields: readonly Uint8Array[] = [], body?: unknown): void {
    const start = writeFrame(slab, head, joinFields(fields), prepareBody(body))
    this.raw(slab.bytes.slice(start, slab.at))
  }

  raw(frame: Uint8Array): void {
    const packet = new Uint8Array(8 + frame.byteLength)
    packet.set(frame, 8)
    this.#events!.packet(this.#exchange.seal(packet))
  }

  // ---- what is heard

  /** What was said about a call so far, without what was said before. */
  async about(number: number): Promise<Said[]> {
    await this.world.advance(0)
    const found = this.said.filter(({ call }) => call === number)
    this.said.splice(0, this.said.length, ...this.said.filter(({ call }) => call !== number))
    return found
  }

  /** The one terminal word about a call. */
  async end(number: number): Promise<{ type: number; value: unknown }> {
    const said = (await this.about(number)).filter(({ type }) => type !== FrameType.progress)
    if (said.length !== 1) throw new Error(`${said.length} frames about call ${number}`)
    return { type: said[0]!.type, value: said[0]!.value }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closing = this.client.close({ drainMs: 0 })
    await this.world.advance(60_000)
    await closing
    if (this.process.timers > 0) throw new Error(`${this.process.timers} timers are left`)
  }

  #packet(packet: Uint8Array): void {
    if (!this.#isWelcomed) return this.#welcome()
    if (this.#exchange.arrive(packet) === 'duplicate') return
    const frame = new FrameReader(2 ** 30)
    frame.open(packet.slice(), 8)
    while (frame.next()) this.#frame(frame)
  }

  #welcome(): void {
    this.#isWelcomed = true
    this.#exchange = new Exchange()
    this.heard = []
    this.sessions++
    const { limits, router, features } = this
    const connected = { router, session: `s${this.sessions}`, token: 't', resumed: false, received: 0 }
    const welcome = writeOpening({ ...connected, name: 'callee', principal: 'local', symbol: CLIENT, limits, features })
    const events = this.#events!
    this.world.after(0, () => events.packet(welcome))
  }

  #frame(frame: FrameReader): void {
    const { type, flags, destination, call, extensionBytes } = frame
    this.heard.push(type)
    const isPiece = type === FrameType.answerChunk || (flags & Flag.more) !== 0
    const value = isPiece ? frame.body().slice() : parseBody(frame.encoding, frame.body())
    const method = type === FrameType.call ? findText(frame, Tag.method) : undefined
    if (method === 'offer' || method === 'withdraw') return this.#asked(method, call, value)
    if (findField(frame, Tag.principal) !== undefined) return
    const own = new FrameReader(2 ** 30)
    own.open(frame.bytes.slice(frame.start, frame.end), 0)
    own.next()
    // Not enumerable, as what was said is compared by the rest.
    const said = { type, flags, destination, call, extensionBytes, value }
    this.said.push(
      Object.defineProperty(said, 'field', { value: (tag: number) => findField(own, tag) }) as typeof said & Pick<Said, 'field'>,
    )
  }

  /** The router's own API: the n-th offer of a session has the symbol n. */
  #asked(method: string, call: number, args: unknown): void {
    const [list] = args as [readonly unknown[]]
    const answer = (value: unknown): void => {
      const start = writeFrame(slab, { type: FrameType.result, destination: CLIENT, call }, undefined, prepareBody(value))
      this.raw(slab.bytes.slice(start, slab.at))
    }
    if (method === 'withdraw') {
      this.withdrawn.push(...(list as readonly number[]))
      return answer(undefined)
    }
    answer(
      (list as readonly Offered[]).map((offer) => {
        this.offers.push(offer)
        return { symbol: this.offers.length, methods: offer.methods.map(() => 0) }
      }),
    )
  }
}

export function who(client: string, principal: string, incarnation = '018f3c1e7a00deadbeef'): Uint8Array {
  return extensionField(Tag.principal, JSON.stringify([client, principal, incarnation]))
}

function contentOf(value: unknown): string | Uint8Array {
  if (value instanceof Uint8Array) return value
  return typeof value === 'string' ? value : encoder.encode(JSON.stringify(value))
}
