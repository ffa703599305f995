/**
 * A client in the router's own process, for those who have no connection of their own. To the router it is a client like any other, so that each right, rule
 * and limit is the router's. Owns its session: frames in both directions, each acknowledged as soon as it is heard.
 */
import {
  after,
  Feature,
  FrameReader,
  FrameType,
  PACKET_HEADER_BYTES,
  packetNumbers,
  readConnected,
  WaybillError,
  writeOpening,
  type Connected,
  type FrameHead,
  type Link,
  type LinkEvents,
  type Soon,
} from '@waybill/core'
import type { Known } from '../admission.js'
import { Packets, type PacketNumbers } from '../gateways/door-packets.js'
import { bodyMembers, frameOf, type Frame } from '../gateways/json-frames.js'

/** What it is told. */
export interface InnerEvents {
  /** In order. What it does about one may wait for the next tick. */
  frame(frame: Frame): void
  /** For good: the code of the router's goodbye. */
  ended(code: string): void
}

export interface InnerParts {
  readonly admit: (link: Link, known: Known) => LinkEvents
  readonly soon: Soon
  /** Absent: the router gives it one. */
  readonly name?: string
  readonly incarnation: string
  readonly known: Known
  readonly events: InnerEvents
}

class Numbers implements PacketNumbers {
  told = 0
  #sent = 0

  nextSent(): number {
    this.#sent = after(this.#sent)
    return this.#sent
  }
}

export class InnerClient implements Link {
  readonly bufferedBytes = 0
  readonly #events: InnerEvents
  readonly #reader = new FrameReader(2 ** 31)
  readonly #router: LinkEvents
  readonly #packets: Packets
  #connected: Connected | undefined
  #refusal: WaybillError | undefined
  readonly #numbers = new Numbers()
  #isOver = false
  /** Calls back when the router reads again. */
  #waiting: (() => void)[] | undefined

  /** Throws what the router refuses it with. */
  constructor({ admit, soon, name, incarnation, known, events }: InnerParts) {
    this.#events = events
    this.#router = admit(this, known)
    this.#packets = new Packets(this.#router, soon, this.#numbers)
    // The answer is there when this returns, as nobody has to be asked.
    this.#router.packet(writeOpening({ ...(name !== undefined && { name }), incarnation, features: [Feature.leases] }))
    if (this.#connected === undefined) throw this.#refusal ?? new WaybillError('Closed', 'the router is closing', { executed: 'no' })
  }

  get session(): string {
    return this.#connected!.session
  }

  get maxFrameBytes(): number {
    return this.#connected!.limits.maxFrameBytes
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Of the next packet; from this client. Throws `TooLarge`. */
  frame(head: FrameHead, fields: readonly Uint8Array[] = [], encoding = 0, body: Uint8Array = NOTHING): void {
    if (this.#isOver) return
    this.#packets.frame({ ...head, source: this.#connected!.symbol }, fields, encoding, body, this.maxFrameBytes)
  }

  /** What waits is with the router when this returns. Not from within what it tells. */
  flush(): void {
    this.#packets.flush()
  }

  /** Resolves when the router takes more: it does not while somebody is full whom this client feeds. */
  async ready(): Promise<void> {
    while (this.#waiting !== undefined) await new Promise<void>((resolve) => void this.#waiting?.push(resolve))
  }

  /** It leaves in order. */
  close(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#packets.goodbye()
  }

  // ---- Link: what the router does with it

  send(packet: Uint8Array): void {
    if (this.#isOver) return
    if (this.#connected === undefined) return this.#opened(packet)
    const { sequence } = packetNumbers(packet)
    this.#reader.open(packet, PACKET_HEADER_BYTES)
    if (sequence !== 0) this.#numbers.told = sequence
    // Also for a heartbeat: it is to be answered.
    this.#packets.owe()
    while (this.#reader.next()) this.#heard(frameOf(this.#reader))
  }

  #opened(packet: Uint8Array): void {
    try {
      this.#connected = readConnected(packet)
    } catch (thrown) {
      this.#refusal = WaybillError.from(thrown, 'no')
    }
  }

  #heard(frame: Frame): void {
    if (frame.type !== FrameType.goodbye) return this.#events.frame(frame)
    const code = bodyMembers(frame).get('code')
    this.#end(code === undefined ? 'Closed' : (JSON.parse(Buffer.from(code).toString()) as string))
  }

  pause(): void {
    this.#waiting ??= []
  }

  resume(): void {
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    for (const goOn of waiting) goOn()
  }

  end(): void {
    this.#end('Closed')
  }

  terminate(): void {
    this.#end('Closed')
  }

  #end(code: string): void {
    if (this.#isOver) return
    this.#isOver = true
    this.resume()
    this.#events.ended(code)
  }
}

const NOTHING = new Uint8Array(0)
