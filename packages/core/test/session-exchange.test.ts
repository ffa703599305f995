/** The numbered exchange: order, duplicates, gaps, acknowledgements, resumption and the wrap of its numbers, against a model with a lossy link. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Exchange } from '../src/session/index.js'
import { numberPacket, packetNumbers, PACKET_HEADER_BYTES } from '../src/wire/index.js'

const packet = (bytes = 10): Uint8Array => new Uint8Array(PACKET_HEADER_BYTES + bytes)
const numbered = (sequence: number, acknowledged: number): Uint8Array => {
  const bytes = packet()
  numberPacket(bytes, sequence, acknowledged)
  return bytes
}
const violation = expect.objectContaining({ code: 'ProtocolViolation' }) as Error

/** An exchange that has sent so many packets, of which none is acknowledged. */
function having(sent: number): Exchange {
  const exchange = new Exchange()
  for (let n = 0; n < sent; n++) exchange.seal(packet())
  return exchange
}

describe('sending', () => {
  it('numbers packets from 1 and keeps them until they are acknowledged', () => {
    const exchange = new Exchange()
    const packets = [1, 2, 3].map((size) => exchange.seal(packet(size)))
    expect(packets.map((one) => packetNumbers(one).sequence)).toEqual([1, 2, 3])
    expect(exchange.retainedBytes).toBe(3 * 8 + 6)
    expect(exchange.arrive(numbered(0, 2))).toBe('unnumbered')
    expect(exchange.retainedBytes).toBe(8 + 3)
    expect(exchange.resume(2)).toEqual([packets[2]])
    exchange.arrive(numbered(0, 3))
    expect(exchange.retainedBytes).toBe(0)
  })

  it('does not number heartbeats and acknowledgements', () => {
    const exchange = new Exchange()
    exchange.arrive(numbered(1, 0))
    expect(packetNumbers(exchange.sealUnnumbered())).toEqual({ sequence: 0, acknowledged: 1 })
    expect(packetNumbers(exchange.sealUnnumbered(packet()))).toEqual({ sequence: 0, acknowledged: 1 })
    expect(exchange.retainedBytes).toBe(0)
  })

  it('an older acknowledgement, or none, takes nothing back', () => {
    const exchange = having(3)
    exchange.arrive(numbered(0, 2))
    for (const old of [0, 1, 2]) exchange.arrive(numbered(0, old))
    expect(exchange.resume(2)).toHaveLength(1)
  })

  it.each([4, 100, 2 ** 31, 2 ** 31 + 2])('an acknowledgement of %i, which was never sent, is a violation or old', (acknowledged) => {
    const exchange = having(3)
    if (acknowledged < 2 ** 31) expect(() => exchange.arrive(numbered(0, acknowledged))).toThrow(violation)
    else exchange.arrive(numbered(0, acknowledged))
    expect(exchange.resume(0)).toHaveLength(3)
  })
})

describe('receiving', () => {
  it('takes each packet once, in order', () => {
    const exchange = new Exchange()
    expect([1, 2, 2, 1, 3].map((sequence) => exchange.arrive(numbered(sequence, 0)))).toEqual([
      'fresh',
      'fresh',
      'duplicate',
      'duplicate',
      'fresh',
    ])
    expect(exchange.received).toBe(3)
  })

  it.each([2, 3, 1000])('a gap before %i is a violation and changes nothing', (sequence) => {
    const exchange = new Exchange()
    expect(() => exchange.arrive(numbered(sequence, 0))).toThrow(violation)
    expect(exchange.received).toBe(0)
  })

  it('a packet without room for its numbers is a violation', () => {
    for (let length = 0; length < 8; length++) expect(() => new Exchange().arrive(new Uint8Array(length))).toThrow(violation)
  })

  it('owes an acknowledgement for duplicates too, until it tells', () => {
    const exchange = new Exchange()
    exchange.arrive(numbered(1, 0))
    exchange.arrive(numbered(1, 0))
    expect(exchange.unacknowledgedBytes).toBe(36)
    exchange.seal(packet())
    expect(exchange.unacknowledgedBytes).toBe(0)
    exchange.arrive(numbered(0, 0))
    expect(exchange.unacknowledgedBytes).toBe(0)
  })

  it('withholds what arrived, and tells it when it no longer does', () => {
    const exchange = new Exchange()
    exchange.arrive(numbered(1, 0))
    exchange.sealUnnumbered()
    exchange.withhold(true)
    exchange.arrive(numbered(2, 0))
    expect(packetNumbers(exchange.seal(packet())).acknowledged).toBe(1)
    expect(packetNumbers(exchange.sealUnnumbered()).acknowledged).toBe(1)
    expect(exchange.unacknowledgedBytes).toBe(18)
    exchange.withhold(false)
    expect(packetNumbers(exchange.sealUnnumbered()).acknowledged).toBe(2)
    expect(exchange.unacknowledgedBytes).toBe(0)
    expect(exchange.received).toBe(2)
  })
})

describe('resuming', () => {
  it('sends again exactly what the peer does not have', () => {
    const exchange = having(5)
    exchange.arrive(numbered(0, 1))
    expect(exchange.resume(3).map((one) => packetNumbers(one).sequence)).toEqual([4, 5])
    expect(exchange.resume(5)).toEqual([])
  })

  it('a peer that claims more than was sent, or less than it said before, breaks it', () => {
    const exchange = having(5)
    exchange.arrive(numbered(0, 3))
    for (const claim of [6, 2, 1, 0]) expect(() => exchange.resume(claim), String(claim)).toThrow(violation)
    expect(exchange.resume(3)).toHaveLength(2)
  })
})

describe('a lossy link', () => {
  interface Side {
    readonly exchange: Exchange
    sent: number
    readonly got: number[]
  }
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('send' as const), side: fc.nat(1) }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('deliver' as const), side: fc.nat(1), count: fc.nat(5) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('break' as const), side: fc.nat(1) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('acknowledge' as const), side: fc.nat(1) }) },
  )

  /** `near` starts the numbers just before they wrap. */
  function run(steps: readonly { kind: string; side: number; count?: number }[], near: boolean): void {
    const side = (): Side => ({ exchange: new Exchange(near ? 0xffffffff - 3 : 0), sent: 0, got: [] })
    const sides: [Side, Side] = [side(), side()]
    const wires: [Uint8Array[], Uint8Array[]] = [[], []]
    const deliver = (to: 0 | 1, bytes: Uint8Array): void => {
      const { exchange, got } = sides[to]
      if (exchange.arrive(bytes) === 'fresh') got.push(bytes[8]! | (bytes[9]! << 8))
    }
    for (const { kind, side: index, count = 0 } of steps) {
      const from = index as 0 | 1
      const to = (1 - from) as 0 | 1
      const me = sides[from]
      if (kind === 'send') {
        const bytes = new Uint8Array(10)
        me.sent++
        bytes[8] = me.sent
        bytes[9] = me.sent >> 8
        wires[to].push(me.exchange.seal(bytes).slice())
      } else if (kind === 'acknowledge') wires[to].push(me.exchange.sealUnnumbered().slice())
      else if (kind === 'deliver') for (const bytes of wires[to].splice(0, count)) deliver(to, bytes)
      else {
        // Everything under way is lost; both sides say what they have and send the rest again.
        wires[0].length = 0
        wires[1].length = 0
        const has = [sides[0].exchange.received, sides[1].exchange.received] as const
        wires[1].push(...sides[0].exchange.resume(has[1]).map((bytes) => bytes.slice()))
        wires[0].push(...sides[1].exchange.resume(has[0]).map((bytes) => bytes.slice()))
      }
    }
    for (const to of [0, 1] as const) for (const bytes of wires[to].splice(0)) deliver(to, bytes)
    for (const from of [0, 1] as const) {
      const to = (1 - from) as 0 | 1
      for (const bytes of sides[from].exchange.resume(sides[to].exchange.received)) deliver(to, bytes.slice())
    }
    for (const [from, to] of [
      [0, 1],
      [1, 0],
    ] as const) {
      expect(sides[to].got).toEqual(Array.from({ length: sides[from].sent }, (_, at) => at + 1))
      sides[from].exchange.arrive(sides[to].exchange.sealUnnumbered())
      expect(sides[from].exchange.retainedBytes).toBe(0)
    }
  }

  it('loses nothing, repeats nothing, keeps the order', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => run(steps, false)),
      { numRuns: 300, seed: 1 },
    )
  })

  it('also where the numbers wrap', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => run(steps, true)),
      { numRuns: 300, seed: 2 },
    )
  })
})
