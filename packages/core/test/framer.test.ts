/** Messages on a stream of bytes: any cutting gives the same ones, and what is announced costs nothing. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { framed } from '../../../tests/fixtures/byte-socket.js'
import { Framer, LEAST_MESSAGE_BYTES } from '../src/wire/index.js'

const MOST = 40_000

function feed(framer: Framer, ...chunks: readonly Uint8Array[]): { messages: Buffer[]; fault: string | undefined } {
  const messages: Buffer[] = []
  let fault: string | undefined
  for (const chunk of chunks) fault = framer.feed(chunk, (message) => messages.push(Buffer.from(message)))
  return { messages, fault }
}

function announced(length: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(length)
  return bytes
}

/** `bytes` in chunks that end at the given places, each in memory of its own. */
function cut(bytes: Uint8Array, ends: readonly number[]): Uint8Array[] {
  const edges = [...new Set([0, ...ends.map((end) => end % (bytes.byteLength + 1)), bytes.byteLength])].toSorted((a, b) => a - b)
  return edges.slice(1).map((end, index) => Uint8Array.from(bytes.subarray(edges[index], end)))
}

const message = fc.oneof(
  fc.uint8Array({ minLength: LEAST_MESSAGE_BYTES, maxLength: 300 }),
  fc.tuple(fc.integer({ min: 4000, max: MOST }), fc.nat(255)).map(([length, byte]) => new Uint8Array(length).fill(byte)),
)

describe('any cutting of the stream', () => {
  it('gives the same messages', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 6 }), fc.array(fc.nat(), { maxLength: 40 }), (messages, ends) => {
        const found = feed(new Framer(MOST), ...cut(framed(...messages), ends))
        expect(found.fault).toBeUndefined()
        expect(found.messages.map((one) => one.toString('hex'))).toEqual(messages.map((one) => Buffer.from(one).toString('hex')))
      }),
    )
  })

  it('also byte by byte', () => {
    const messages = [9, 300, 8, 5000].map((length, index) => new Uint8Array(length).fill(index + 1))
    const bytes = framed(...messages)
    const found = feed(new Framer(MOST), ...Array.from(bytes, (byte) => Uint8Array.of(byte)))
    expect(found.messages.map((one) => [one.byteLength, one[0]])).toEqual(messages.map((one) => [one.byteLength, one[0]]))
  })
})

describe('memory', () => {
  it('is that of the chunk where a message lies in one, and nobody else has the same bytes', () => {
    const chunk = framed(new Uint8Array(20), new Uint8Array(30))
    const views: Uint8Array[] = []
    new Framer(MOST).feed(chunk, (one) => views.push(one))
    expect(views.map(({ buffer }) => buffer === chunk.buffer)).toEqual([true, true])
    views[0]!.fill(255)
    expect(views[1]!.every((byte) => byte === 0)).toBe(true)
  })

  it('of a message that was gathered is never written again', () => {
    const messages = [new Uint8Array(5000).fill(1), new Uint8Array(5000).fill(2)]
    const bytes = framed(...messages)
    const kept: Uint8Array[] = []
    const framer = new Framer(MOST)
    for (const chunk of cut(bytes, [100, 2000, 6000, 7000])) framer.feed(chunk, (one) => kept.push(one))
    expect(kept).toEqual(messages)
  })

  it('is bounded by what has arrived, not by what was announced', () => {
    const most = 1 << 30
    const framer = new Framer(most)
    feed(framer, announced(most))
    expect(framer.heldBytes).toBe(0)
    let arrived = 0
    for (const length of [1, 1, 4000, 90, 10_000, 1, 70_000]) {
      feed(framer, new Uint8Array(length))
      arrived += length
      expect(framer.heldBytes).toBeLessThanOrEqual(Math.max(4096, 2 * arrived))
    }
  })

  it('is let go with the message', () => {
    const framer = new Framer(MOST)
    const bytes = framed(new Uint8Array(9000))
    expect(feed(framer, bytes.subarray(0, 5000)).messages).toHaveLength(0)
    expect(framer.heldBytes).toBeGreaterThan(0)
    expect(feed(framer, bytes.subarray(5000)).messages).toHaveLength(1)
    expect(framer.heldBytes).toBe(0)
  })
})

describe('a length that no message has', () => {
  it.each([0, 1, LEAST_MESSAGE_BYTES - 1, MOST + 1, 2 ** 31, 2 ** 32 - 1])('%i is a fault, and for good', (length) => {
    const framer = new Framer(MOST)
    const bytes = Buffer.concat([framed(new Uint8Array(8)), announced(length), new Uint8Array(100)])
    const found = feed(framer, bytes)
    expect(found.messages).toHaveLength(1)
    expect(found.fault).toContain(`a message of ${length} bytes was announced`)
    expect(framer.heldBytes).toBe(0)
    expect(feed(framer, framed(new Uint8Array(8)))).toEqual({ messages: [], fault: found.fault })
  })

  it('is found byte by byte too', () => {
    expect(feed(new Framer(MOST), ...Array.from(announced(2 ** 32 - 1), (byte) => Uint8Array.of(byte))).fault).toContain('4294967295')
  })

  it.each([LEAST_MESSAGE_BYTES, MOST])('%i is none', (length) => {
    expect(feed(new Framer(MOST), framed(new Uint8Array(length)))).toMatchObject({ fault: undefined, messages: [{ byteLength: length }] })
  })

  it('is a matter of the limit of the moment', () => {
    const framer = new Framer(10)
    const sizes: number[] = []
    const fault = framer.feed(framed(new Uint8Array(10), new Uint8Array(20), new Uint8Array(31)), (one) => {
      sizes.push(one.byteLength)
      framer.mostBytes = 30
    })
    expect(sizes).toEqual([10, 20])
    expect(fault).toBe('a message of 31 bytes was announced, more than 30')
  })
})
