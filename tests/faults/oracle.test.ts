/** The sync oracle over traces that are written here: what rests on the disk passes, and each way not to rest on it is found. */
import { Flag, FrameType, numberPacket, prepareBody, serialBytes, Slab, writeFrame } from '@waybill/core'
import { eventsOf, Oracle, RESULT_MARK } from '@waybill/testkit/faults'
import { describe, expect, test } from 'vitest'

const SN = '01a21d68-f8ed-8c5c-9e69-bc0000001921'
const LEASE = Buffer.from('0123456789abcdef')
const RESULT = `${RESULT_MARK}7`
const FOLDER = '/data/store'
const [LOG, OTHER, BLOB] = [`${FOLDER}/1.log`, `${FOLDER}/2.log`, `${FOLDER}/1.blob`]

const hex = (bytes: Uint8Array | string): string =>
  Array.from(Buffer.from(bytes), (byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')

/** Text as strace writes it. */
class Trace {
  readonly lines: string[] = []
  #isOpen = false

  line(text: string, thread = 100): this {
    this.lines.push(`${thread} ${text}`)
    return this
  }

  made(path: string): this {
    return this.line(`openat(AT_FDCWD<${hex('/')}>, "${hex(path)}", O_RDWR|O_CREAT|O_CLOEXEC, 0600) = 18<${hex(path)}>`, 101)
  }

  write(path: string, content: Uint8Array | string): this {
    return this.line(
      `pwritev(18<${hex(path)}>, [{iov_base="${hex('head')}", iov_len=4}, ${part(content)}], 2, 64) = ${content.length + 4}`,
      101,
    )
  }

  sync(path: string): this {
    return this.line(`fdatasync(18<${hex(path)}>) = 0`, 101)
  }

  /** To a client, in two pieces. */
  send(packet: Uint8Array): this {
    const opening = this.#isOpen ? Buffer.alloc(0) : framed(Buffer.from('{"connected":{}}'))
    this.#isOpen = true
    const bytes = Buffer.concat([opening, framed(packet)])
    this.line(`writev(23<TCP:[127.0.0.1:7411->127.0.0.1:5000]>, [${part(bytes.subarray(0, 9))}, ${part(bytes.subarray(9))}], 2) = 20`)
    return this.line(
      `write(23<TCP:[127.0.0.1:7411->127.0.0.1:5000]>, "${hex(bytes.subarray(20))}", ${bytes.length - 20}) = ${bytes.length - 20}`,
    )
  }

  async verdict(): Promise<ReturnType<Oracle['verdict']>> {
    const oracle = new Oracle(FOLDER)
    for await (const event of eventsOf(this.lines)) oracle.add(event)
    return oracle.verdict()
  }
}

const part = (bytes: Uint8Array | string): string => `{iov_base="${hex(bytes)}", iov_len=${bytes.length}}`

function framed(message: Uint8Array): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32LE(message.length)
  return Buffer.concat([length, message])
}

function packetOf(head: { type: FrameType; flags?: number }, extension: Uint8Array | undefined, content: unknown): Uint8Array {
  const slab = new Slab()
  slab.take(8)
  const start = slab.at - 8
  writeFrame(slab, head, extension, prepareBody(content))
  const packet = slab.bytes.slice(start, slab.at)
  numberPacket(packet, 1, 0)
  return packet
}

const stored = packetOf({ type: FrameType.stored }, undefined, { sn: SN, durability: 'disk' })
const inMemory = packetOf({ type: FrameType.stored }, undefined, { sn: SN, durability: 'memory' })
const leased = packetOf({ type: FrameType.call, flags: Flag.durable }, Buffer.concat([Buffer.from([21, 0, 16, 0]), LEASE]), [1])
const result = packetOf({ type: FrameType.result }, undefined, RESULT)

describe('what rests on the disk', () => {
  test('may leave', async () => {
    const trace = new Trace().write(LOG, serialBytes(SN)).sync(LOG).send(stored)
    trace.write(LOG, LEASE).sync(LOG).send(leased).write(LOG, RESULT).sync(LOG).send(result)
    expect(await trace.verdict()).toEqual({ violations: [], promises: { stored: 1, leased: 1, result: 1 }, syncs: 3 })
  })

  test('may leave when a sync that was under way with others has returned', async () => {
    const trace = new Trace().write(LOG, serialBytes(SN)).line(`fdatasync(18<${hex(LOG)}> <unfinished ...>`, 102)
    trace.line('<... fdatasync resumed>) = 0', 102).send(stored)
    expect((await trace.verdict()).violations).toEqual([])
  })

  test('what is kept in memory may always', async () => {
    expect(await new Trace().send(inMemory).verdict()).toMatchObject({ violations: [], promises: { stored: 0 } })
  })

  test('a record in a file of its own, once another names it', async () => {
    const trace = new Trace().made(BLOB).write(BLOB, serialBytes(SN)).sync(BLOB).sync(FOLDER).write(LOG, 'blob 1').sync(LOG).send(stored)
    expect((await trace.verdict()).violations).toEqual([])
  })
})

describe('what does not is found:', () => {
  const early: readonly (readonly [string, Trace])[] = [
    ['nothing was written', new Trace().send(stored)],
    ['nothing was synced', new Trace().write(LOG, serialBytes(SN)).send(stored)],
    ['the sync came after', new Trace().write(LOG, serialBytes(SN)).send(stored).sync(LOG)],
    ['the sync was before the write', new Trace().sync(LOG).write(LOG, serialBytes(SN)).send(stored)],
    ['the sync was of another file', new Trace().write(LOG, serialBytes(SN)).sync(OTHER).send(stored)],
    [
      'the sync had begun before the write',
      new Trace()
        .line(`fdatasync(18<${hex(LOG)}> <unfinished ...>`, 102)
        .write(LOG, serialBytes(SN))
        .line('<... fdatasync resumed>) = 0', 102)
        .send(stored),
    ],
    [
      'the sync had not returned',
      new Trace()
        .write(LOG, serialBytes(SN))
        .line(`fdatasync(18<${hex(LOG)}> <unfinished ...>`, 102)
        .send(stored)
        .line('<... fdatasync resumed>) = 0', 102),
    ],
    [
      'the sync had failed',
      new Trace()
        .write(LOG, serialBytes(SN))
        .line(`fdatasync(18<${hex(LOG)}>) = -1 EIO (Input/output error)`)
        .send(stored),
    ],
    ['the name of the file was not synced', new Trace().made(LOG).write(LOG, serialBytes(SN)).sync(LOG).send(stored)],
    ['a file of its own that nothing names', new Trace().write(BLOB, serialBytes(SN)).sync(BLOB).send(stored)],
    ['a call that left under a lease that was not written', new Trace().send(leased)],
    ['a result that was not synced', new Trace().write(LOG, RESULT).send(result)],
  ]
  test.each(early)('%s', async (_, trace) => {
    expect((await trace.verdict()).violations).toHaveLength(1)
  })

  test('a trace that was cut short is no proof', async () => {
    const trace = new Trace().line(`pwrite64(18<${hex(LOG)}>, "${hex('ab')}"..., 200, 0) = 200`)
    await expect(trace.verdict()).rejects.toThrow('only the beginning')
  })
})
