/**
 * Reads what stands on the wires of a simulation: which call was sent where and when, what was resumed, refused or violated. Changes
 * nothing.
 */
import {
  ADDRESSEE_BYTES,
  findField,
  Flag,
  FrameReader,
  FrameType,
  Offset,
  PACKET_HEADER_BYTES,
  packetNumbers,
  parseBody,
  readConnected,
  readIds,
  readIntroduction,
  serialNumber,
  serialText,
  Tag,
  WaybillError,
} from '@waybill/core'
import type { Connected, Introduction } from '@waybill/core'
import type { End, Tap, Wire } from '../link.js'
import type { VirtualProcess } from '../process.js'
import type { Facts, History } from './history.js'

/** Until what was taken is known to be, over starts of the router. */
const TAKEN_MS = 1000

/** What was said in the opening of a wire. */
interface Opening {
  introduction?: Introduction
  connected?: Connected
}

export class Observer implements Tap {
  readonly #history: History
  readonly #nowMs: () => number
  readonly #openings = new Map<number, Opening>()
  /** Incarnations by router process and symbol. */
  readonly #incarnations = new Map<string, string>()
  /** The highest number that was sent, by session and direction. */
  readonly #highest = new Map<string, number>()
  /** The session in which each call is watched, by incarnation and number. */
  readonly #watching = new Map<string, string>()
  readonly #frame = new FrameReader(Number.MAX_SAFE_INTEGER)

  constructor(history: History, nowMs: () => number) {
    this.#history = history
    this.#nowMs = nowMs
  }

  sent(wire: Wire, from: End, packet: Uint8Array): void {
    const opening = this.#opening(wire)
    const isFromClient = from === wire.client
    if (isFromClient && opening.introduction === undefined) {
      opening.introduction = readIntroduction(packet)
      return
    }
    if (!isFromClient && opening.connected === undefined) return this.#welcomed(wire, opening, packet)
    if (opening.connected === undefined)
      return this.#history.violate('protocol', `${from.process.name} sent a packet before it was welcomed`)
    // What is sent again was said before.
    if (this.#isNew(opening.connected, isFromClient, packet)) this.#frames(wire, isFromClient, packet, true)
  }

  arrived(wire: Wire, to: End, packet: Uint8Array): void {
    const { connected } = this.#opening(wire)
    // The opening itself is no packet: it has neither number nor frames.
    if (connected === undefined || isOpening(packet)) return
    this.#frames(wire, to === wire.router, packet, false)
  }

  #opening(wire: Wire): Opening {
    let opening = this.#openings.get(wire.id)
    if (opening === undefined) this.#openings.set(wire.id, (opening = {}))
    return opening
  }

  #welcomed(wire: Wire, opening: Opening, packet: Uint8Array): void {
    let connected: Connected
    try {
      connected = readConnected(packet)
    } catch (thrown) {
      // A process that was superseded without hearing of it is told when it comes back.
      if (thrown instanceof WaybillError && thrown.code === 'Superseded') return this.#history.count('superseded process that comes back')
      return this.#history.violate('protocol', `the router refused ${wire.client.process.name}: ${String(thrown)}`)
    }
    opening.connected = connected
    this.#incarnations.set(this.#key(wire.router.process, connected.symbol), opening.introduction!.incarnation)
    if (opening.introduction!.resume !== undefined) this.#history.count(connected.resumed ? 'resume that works' : 'resume that is refused')
  }

  #isNew(connected: Connected, isFromClient: boolean, packet: Uint8Array): boolean {
    const { sequence } = packetNumbers(packet)
    if (sequence === 0) return true
    const key = `${connected.session} ${isFromClient}`
    const highest = this.#highest.get(key) ?? 0
    if (sequence <= highest) {
      this.#history.count('packet that is sent again')
      return false
    }
    if (sequence === highest + 1) this.#highest.set(key, sequence)
    else this.#history.violate('protocol', `packet ${sequence} follows ${highest} in session ${connected.session}`)
    return true
  }

  #frames(wire: Wire, isToRouter: boolean, packet: Uint8Array, isSent: boolean): void {
    const frame = this.#frame
    frame.open(packet, PACKET_HEADER_BYTES)
    while (frame.next()) {
      if (frame.type === FrameType.call) this.#call(wire, isToRouter, isSent)
      else if (frame.type === FrameType.stored && isSent) this.#stored(wire)
      else if (frame.type === FrameType.watch && isSent) this.#watch(wire)
      else if (frame.type === FrameType.symbol && isSent && !isToRouter) this.#symbol(wire)
      else if (frame.type === FrameType.held && isSent) this.#held()
      else if (frame.type === FrameType.started && !isSent && isToRouter) this.#begun(wire)
      else if (frame.type === FrameType.taken && !isSent) this.#taken()
      else if (isSent) {
        if (!isToRouter && frame.call === 0 && isTerminal(frame.type)) this.#postback()
        if (isToRouter && isAnswer(frame.type)) this.#answer(wire)
        this.#word(wire, isToRouter)
      }
    }
  }

  #call(wire: Wire, isToRouter: boolean, isSent: boolean): void {
    const incarnation = this.#incarnations.get(this.#key(wire.router.process, this.#frame.source))
    if (incarnation === undefined)
      return this.#history.violate('protocol', `a call frame has the source ${this.#frame.source}, which is nobody`)
    const frame = this.#frame
    const sn = serialNumber(incarnation, frame.call)
    if (isToRouter && isSent) this.#name(sn)
    const facts: Facts = this.#history.factsOf(sn)
    const sendings = isToRouter ? (isSent ? facts.written : facts.atRouter) : isSent ? facts.handed : facts.delivered
    const attempt = Math.max(1, frame.bytes[frame.start + Offset.attempt]!)
    if (!isToRouter && isSent && facts.handed.length > 0)
      this.#history.count(attempt > facts.handed.at(-1)!.attempt ? 'redelivery' : 'given to another one')
    sendings.push({
      atMs: this.#nowMs(),
      ttlMs: frame.ttlMs,
      wire: wire.id,
      client: wire.client.process.name,
      process: wire.client.process.id,
      attempt,
    })
  }

  /** Which call of the scenario it is: its caller says so in its own data. */
  #name(sn: string): void {
    const data = findField(this.#frame, Tag.data)
    if (data === undefined) return
    const { id } = JSON.parse(new TextDecoder().decode(data)) as { id?: number }
    if (id !== undefined) this.#history.sns.set(id, sn)
  }

  /** The router promises. */
  #stored(wire: Wire): void {
    const { sn, duplicate } = parseBody(this.#frame.encoding, this.#frame.body()) as { sn?: string; duplicate?: boolean }
    // An event, and no call.
    if (sn === undefined) return
    if (duplicate === true) this.#history.count('duplicate')
    const router = wire.router.process.id
    const keeper = this.#history.keeperOf(router)
    const known = this.#history.stored.get(sn)
    const [came] = this.#history.factsOf(sn).atRouter
    if (duplicate !== true && came !== undefined && this.#history.isKnownFull(came.atMs))
      this.#history.violate('full', `${sn} was stored although there was no room`)
    if (known?.keeper === keeper && duplicate !== true && !this.#history.hasJumped(0, this.#nowMs()))
      this.#history.violate('I12', `${sn} was stored twice`)
    if (known?.keeper === keeper && known.router !== router) this.#history.count('duplicate across starts')
    if (known?.keeper !== keeper) this.#history.stored.set(sn, { atMs: this.#nowMs(), router, keeper })
  }

  /** Who stands behind a number, also where that client has not been here since the router began. */
  #symbol(wire: Wire): void {
    const who = findField(this.#frame, Tag.principal)
    if (who === undefined) return
    const [, , incarnation] = JSON.parse(new TextDecoder().decode(who)) as [string, string, string]
    this.#incarnations.set(this.#key(wire.router.process, this.#frame.source), incarnation)
  }

  #held(): void {
    const body = this.#frame.body()
    for (let at = 0; at < body.byteLength; at += ADDRESSEE_BYTES)
      this.#history.count(
        body.subarray(at, at + ADDRESSEE_BYTES).some((byte) => byte !== 0) ? 'lease that comes back' : 'lease that is void',
      )
  }

  #begun(wire: Wire): void {
    const incarnation = this.#incarnations.get(this.#key(wire.router.process, this.#frame.destination))
    if (incarnation === undefined) return
    const { begun } = this.#history.factsOf(serialNumber(incarnation, this.#frame.call))
    begun.push({ atMs: this.#nowMs(), client: wire.client.process.name })
  }

  #taken(): void {
    for (const sn of readIds(this.#frame.body())) if (!this.#history.taken.has(sn)) this.#history.taken.set(sn, this.#nowMs())
  }

  /** What was taken, and is known to be for good, is not told again. */
  #postback(): void {
    const field = findField(this.#frame, Tag.sn)
    const sn = field === undefined ? '' : serialText(field)
    const takenMs = this.#history.taken.get(sn)
    if (takenMs === undefined || this.#nowMs() < takenMs + TAKEN_MS) return
    if (this.#history.wasQuiet(takenMs, takenMs + TAKEN_MS) && this.#history.forgettings.length === 0)
      this.#history.violate('taken', `the outcome of ${sn} was taken at ${takenMs.toFixed(0)}, and is told again`)
  }

  #watch(wire: Wire): void {
    const { introduction, connected } = this.#opening(wire)
    const key = `${introduction!.incarnation} ${this.#frame.call}`
    const before = this.#watching.get(key)
    if (before !== undefined && before !== connected!.session) this.#history.count('watch across a session loss')
    this.#watching.set(key, connected!.session)
  }

  /** What a callee says of a call that is somebody else's by now. */
  #answer(wire: Wire): void {
    const frame = this.#frame
    if (frame.type === FrameType.result && (frame.flags & Flag.noReply) !== 0) this.#history.count('silent call that is waited for')
    const incarnation = this.#incarnations.get(this.#key(wire.router.process, frame.destination))
    if (incarnation === undefined) return
    const last = this.#history.facts.get(serialNumber(incarnation, frame.call))?.handed.at(-1)
    if (last !== undefined && last.attempt > 1 && last.wire !== wire.id) this.#history.count('word of a former callee')
  }

  #word(wire: Wire, isToRouter: boolean): void {
    const frame = this.#frame
    const who = isToRouter ? 'callee' : 'router'
    if (frame.type === FrameType.rejected || frame.type === FrameType.goodbye) {
      const { code } = (parseBody(frame.encoding, frame.body()) ?? {}) as { code?: string }
      if (code === 'ProtocolViolation')
        this.#history.violate('protocol', `${wire.client.process.name} was told of a violation: ${bodyText(frame)}`)
      const isPassedOn = frame.type === FrameType.rejected && who === 'router'
      if (code !== undefined)
        this.#history.count(`${frame.type === FrameType.goodbye ? 'goodbye' : 'refusal'} ${code}${isPassedOn ? '' : ` by ${who}`}`)
    } else if (frame.type === FrameType.cancel && isToRouter) this.#history.count('cancel that is sent')
    else if (frame.type === FrameType.callChunk && isToRouter) this.#history.count('body in pieces')
    else if (frame.type === FrameType.unsupported)
      this.#history.violate('protocol', `${who} does not know a frame of ${wire.client.process.name}`)
  }

  #key(router: VirtualProcess, symbol: number): string {
    return `${router.id} ${symbol}`
  }
}

function bodyText(frame: FrameReader): string {
  return JSON.stringify(parseBody(frame.encoding, frame.body()))
}

/** The magic number, big-endian. */
export function isOpening(packet: Uint8Array): boolean {
  return packet[0] === 0x01 && packet[1] === 0x6f && packet[2] === 0xe9 && packet[3] === 0xf2
}

function isAnswer(type: number): boolean {
  return type === FrameType.accepted || type === FrameType.started || type === FrameType.progress || isTerminal(type)
}

function isTerminal(type: number): boolean {
  return type === FrameType.result || type === FrameType.exception || type === FrameType.rejected
}
