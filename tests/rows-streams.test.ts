/** Row 002-12 over real sockets: a payload that is larger than any body, from file to file, with a bounded part of it in memory. */
import { service } from '@waybill/client'
import { realHarness } from '@waybill/testkit'
import { createHash } from 'node:crypto'
import { mkdtemp, open, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, expect, test } from 'vitest'

const MiB = 1024 * 1024
const TOTAL_BYTES = 32 * MiB
/** Caller, router and callee are all in this process: windows, packets that are not acknowledged, and what a file reads ahead. */
const MOST_BYTES = 8 * MiB

interface Depot {
  put(name: string, bytes: ReadableStream<Uint8Array>): Promise<number>
  get(name: string): Promise<ReadableStream<Uint8Array>>
}

const depot = service<Depot>('Depot@1.0.0', { put: {}, get: {} })

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

let folder: string
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'waybill-row-'))))
afterEach(() => rm(folder, { recursive: true }))

const heldBytes = (): number => {
  // The second one waits for what the first one is still sweeping.
  collect()
  collect()
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return arrayBuffers + heapUsed
}

/** No two pieces are the same, so that none can be taken for another. */
async function makeFile(path: string): Promise<string> {
  await using file = await open(path, 'w')
  const hash = createHash('sha256')
  for (let at = 0; at < TOTAL_BYTES; at += MiB) {
    const piece = Buffer.alloc(MiB, createHash('sha512').update(String(at)).digest())
    hash.update(piece)
    await file.write(piece)
  }
  return hash.digest('hex')
}

async function* readFile(path: string): AsyncGenerator<Uint8Array> {
  await using file = await open(path)
  for (;;) {
    const { bytesRead, buffer } = await file.read(new Uint8Array(256 * 1024))
    if (bytesRead === 0) return
    yield buffer.subarray(0, bytesRead)
  }
}

function bytesOf(pieces: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream({
    type: 'bytes',
    pull: async (controller) => {
      const { done, value } = await pieces.next()
      if (done === true) controller.close()
      else controller.enqueue(value as Uint8Array<ArrayBuffer>)
    },
    cancel: async () => void (await pieces.return(undefined)),
  })
}

/** The most that this process held meanwhile, beside what it held before. */
async function writeFile(path: string, bytes: AsyncIterable<Uint8Array>): Promise<{ readonly mostBytes: number; readonly hash: string }> {
  await using file = await open(path, 'w')
  const hash = createHash('sha256')
  const before = heldBytes()
  let [mostBytes, written, nextLook] = [0, 0, 0]
  for await (const piece of bytes) {
    hash.update(piece)
    await file.write(piece)
    written += piece.byteLength
    if (written < nextLook) continue
    nextLook = written + 4 * MiB
    mostBytes = Math.max(mostBytes, heldBytes() - before)
  }
  return { mostBytes, hash: hash.digest('hex') }
}

test(
  'row 002-12: 32 MiB go from file to file and back as a stream, and a few of them at a time are in memory',
  { timeout: 60_000 },
  async () => {
    await using h = await realHarness()
    const worker = await h.client('worker')
    const stored: { mostBytes: number; hash: string }[] = []
    await worker.expose(depot, {
      put: async (name, bytes) => {
        stored.push(await writeFile(join(folder, name), bytes))
        return (await stat(join(folder, name))).size
      },
      get: async (name) => bytesOf(readFile(join(folder, name))),
    })
    const proxy = (await h.client('caller')).remote(depot)
    const hash = await makeFile(join(folder, 'source'))
    const sent = bytesOf(readFile(join(folder, 'source')))
    expect(await proxy.put('stored', sent)).toBe(TOTAL_BYTES)
    const back = await writeFile(join(folder, 'back'), await proxy.get('stored'))
    expect([stored[0]!.hash, back.hash]).toEqual([hash, hash])
    expect(Math.max(stored[0]!.mostBytes, back.mostBytes)).toBeLessThan(MOST_BYTES)
    // What is larger than a body cannot go in one piece, and is refused before it is sent.
    await expect(proxy.put('whole', new Uint8Array(TOTAL_BYTES) as never)).rejects.toMatchObject({ code: 'TooLarge', executed: 'no' })
  },
)
