/**
 * A link that is cut at every byte of a recorded exchange, in both directions, of the caller and of the worker.
 *
 * The transport carries packets: one that is cut in the middle never arrives. So all byte offsets within one packet are the same case,
 * and one run stands for each packet: the packets before it arrive, it and what follows do not, then the link ends. The first test proves
 * that mapping for every single byte of the recorded streams; the others run each case.
 */
import { service, type Client, type Exceptional } from '@waybill/client'
import { FrameReader, PACKET_HEADER_BYTES } from '@waybill/core'
import { harness, type End, type Harness, type Tap, type Wire } from '@waybill/testkit'
import { History, Observer, scenarioOf } from '@waybill/testkit/simulate'
import { describe, expect, test } from 'vitest'

interface Dog {
  bark(number: number): number
}
const dog = service<Dog>('Dog@1.0.0', { bark: {} })

const LATENCY_MS = 5
const BATCHES = 20
const BATCH_CALLS = 6
const CALLS = BATCHES * BATCH_CALLS
/** A new batch each so long: shorter than a round trip, so that there is always something under way in both directions. */
const EVERY_MS = 8

type Side = 'caller' | 'worker'
type Direction = 'from the client' | 'from the router'

/** Whose link is cut before which packet; and for how long nothing can be opened again. */
interface Cut {
  readonly side: Side
  readonly direction: Direction
  readonly packet: number
  readonly outageMs: number
}

type Ended = { readonly value: number } | { readonly code: string; readonly executed: string }

interface Exchange {
  /** Packets that were sent on each side's first link, by direction, since it was welcomed. */
  readonly packets: ReadonlyMap<string, readonly Uint8Array[]>
  /** What ran, in order. */
  readonly ran: readonly number[]
  readonly ends: readonly Ended[]
  /** Whether the call stood on a wire, by its number. */
  readonly written: readonly boolean[]
  readonly resumed: number
  readonly violations: readonly string[]
}

function key(side: Side, direction: Direction): string {
  return `${side} ${direction}`
}

/** The exchange, with a cut or without. */
async function exchange(cut?: Cut): Promise<Exchange> {
  const packets = new Map<string, Uint8Array[]>()
  const history = new History(scenarioOf(1))
  let isOn = false
  const observer = new Observer(history, () => h.world.nowMs)
  const tap: Tap = {
    sent(wire, from, packet) {
      observer.sent(wire, from, packet)
      if (isOn) sent(wire, from, packet)
    },
    arrived: (wire, to, packet) => observer.arrived(wire, to, packet),
  }
  const isFirst = (wire: Wire): boolean => wire.id <= 2
  const sent = (wire: Wire, from: End, packet: Uint8Array): void => {
    if (!isFirst(wire)) return
    const side = wire.client.process.name as Side
    const direction = from === wire.client ? 'from the client' : 'from the router'
    const so = packets.get(key(side, direction)) ?? []
    packets.set(key(side, direction), so)
    so.push(packet.slice())
    if (cut === undefined || wire.isBroken || cut.side !== side || cut.direction !== direction || so.length !== cut.packet) return
    // This packet and what follows it is lost; what is under way before it still arrives, and then the link ends.
    wire.silence(from)
    if (cut.outageMs > 0) h.network.isolate(side, 'reset')
    h.world.after(LATENCY_MS + 1, () => wire.cut(0, 0))
    h.world.after(cut.outageMs, () => h.network.isolate(side, undefined))
  }
  const h: Harness = harness({ latencyMs: LATENCY_MS, tap })
  const ran: number[] = []
  const worker = await h.client('worker')
  await h.until(worker.expose(dog, { bark: (number) => (ran.push(number), number + 1) }))
  const caller = await h.client('caller')
  isOn = true
  const { ends, sns } = await callAll(h, caller)
  isOn = false
  // Where the last packet was cut, the link comes back only now.
  await h.advance(1000)
  await h[Symbol.asyncDispose]()
  return {
    packets,
    ran,
    ends,
    written: sns.map((sn) => history.factsOf(sn).written.length > 0),
    resumed: history.counts.get('resume that works') ?? 0,
    violations: history.violations.map(({ what }) => what),
  }
}

async function callAll(h: Harness, caller: Client): Promise<{ ends: Ended[]; sns: string[] }> {
  const remote = caller.remote(dog, { deadline: 20_000 })
  const ends: Promise<Ended>[] = []
  const sns: string[] = []
  for (let batch = 0; batch < BATCHES; batch++) {
    for (let each = 0; each < BATCH_CALLS; each++) {
      const call = remote.bark(batch * BATCH_CALLS + each)
      sns.push(call.sn)
      ends.push(
        call.then(
          (value) => ({ value }),
          (thrown: unknown) => ({ code: (thrown as Exceptional).code, executed: (thrown as Exceptional).executed }),
        ),
      )
    }
    await h.advance(EVERY_MS)
  }
  return { ends: await h.until(Promise.all(ends), 30_000), sns }
}

function framesIn(packets: readonly Uint8Array[]): number {
  const reader = new FrameReader(2 ** 20)
  let frames = 0
  for (const packet of packets) for (reader.open(packet, PACKET_HEADER_BYTES); reader.next();) frames++
  return frames
}

/** How many whole packets a receiver gets of a stream of packets of these lengths, of which `bytes` bytes arrive. */
function wholePackets(lengths: readonly number[], bytes: number): number {
  let left = bytes
  let whole = 0
  while (whole < lengths.length && left >= lengths[whole]!) left -= lengths[whole++]!
  return whole
}

const recorded = await exchange()
const numbers = Array.from({ length: CALLS }, (_, number) => number)
const cases = (['caller', 'worker'] as const).flatMap((side) =>
  (['from the client', 'from the router'] as const).map((direction) => ({
    side,
    direction,
    packets: recorded.packets.get(key(side, direction))!,
  })),
)

describe('the recorded exchange', () => {
  test('has at least 200 frames on each link, and goes well', () => {
    for (const side of ['caller', 'worker'] as const) {
      const frames = cases.filter((each) => each.side === side).reduce((sum, { packets }) => sum + framesIn(packets), 0)
      expect(frames).toBeGreaterThanOrEqual(200)
    }
    expect(recorded.ran).toEqual(numbers)
    expect(recorded.ends).toEqual(numbers.map((number) => ({ value: number + 1 })))
  })

  test.each(cases)('every byte $direction of the $side belongs to one of the cases that are run', ({ packets }) => {
    const lengths = packets.map(({ byteLength }) => byteLength)
    const total = lengths.reduce((sum, length) => sum + length, 0)
    const run = new Set(packets.keys())
    const wrong: number[] = []
    let edge = 0
    let packet = 0
    for (let offset = 0; offset < total; offset++) {
      if (offset === edge + lengths[packet]!) edge += lengths[packet++]!
      // Cut at this byte, the receiver has exactly the packets before the one that the byte stands in.
      if (wholePackets(lengths, offset) !== packet || !run.has(packet)) wrong.push(offset)
    }
    expect(wrong).toEqual([])
    expect(packet).toBe(packets.length - 1)
  })
})

describe.each(cases)('cut $direction of the $side', ({ side, direction, packets }) => {
  test('and resumed: each call runs once and in order, and gets its result', { timeout: 60_000 }, async () => {
    let resumed = 0
    for (let packet = 1; packet <= packets.length; packet++) {
      const { ran, ends, violations, resumed: times } = await exchange({ side, direction, packet, outageMs: 0 })
      expect(ran, `cut before packet ${packet}`).toEqual(numbers)
      expect(ends, `cut before packet ${packet}`).toEqual(recorded.ends)
      expect(violations).toEqual([])
      resumed += times
    }
    // Each run was cut and came back; otherwise nothing was tested.
    expect(resumed).toBe(packets.length)
  })

  test('and too late to be resumed: each call ends, with the truth', { timeout: 60_000 }, async () => {
    let lost = 0
    for (let packet = 1; packet <= packets.length; packet++) {
      const { ran, ends, written, violations, resumed } = await exchange({ side, direction, packet, outageMs: 1500 })
      const cut = `cut before packet ${packet}`
      expect(new Set(ran).size, cut).toBe(ran.length)
      expect(ends.length, cut).toBe(CALLS)
      for (const [number, end] of ends.entries()) {
        if ('value' in end) expect([end.value, ran.includes(number)], cut).toEqual([number + 1, true])
        else {
          if (end.executed === 'no') expect(ran, cut).not.toContain(number)
          if (end.executed === 'yes') expect(ran, cut).toContain(number)
          if (end.executed === 'maybe') expect(written[number], cut).toBe(true)
          expect(['RouterLost', 'WorkerLost', 'NoSuchService'], cut).toContain(end.code)
          lost++
        }
      }
      expect(violations).toEqual([])
      expect(resumed).toBe(0)
    }
    expect(lost).toBeGreaterThan(0)
  })
})
