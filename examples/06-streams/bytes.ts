/** Bytes up and down, from file to file: neither side holds more of them than the credit of a stream. */
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { connect } from '@waybill/client'
import { Bar } from './bar.js'
import { bytesOf, type Kennel } from './photos.js'

const LENGTH = 4 * 1024 * 1024

await using client = await connect(process.env['WAYBILL_URL'] ?? 'ws://127.0.0.1:7411')
const kennel = client.remote<Kennel>('Kennel@^1')
const folder = await mkdtemp(join(tmpdir(), 'photos-'))
const [photo, copy] = [join(folder, 'rex.jpg'), join(folder, 'copy.jpg')]
await writeFile(
  photo,
  new Uint8Array(LENGTH).map((_, n) => (n * n) >> 7),
)

// Up. The bar shows what the kennel has written, not what has left.
const up = new Bar('up', LENGTH)
const kept = await kennel.keep('rex.jpg', LENGTH, bytesOf(photo)).on('progress', ({ completed }) => up.show(completed))
console.log(`kept ${kept} bytes`)

// Down.
const down = new Bar('down', LENGTH)
let arrived = 0
const stream = await kennel.photo('rex.jpg')
await pipeline(
  stream,
  async function* (pieces: AsyncIterable<Uint8Array>) {
    for await (const piece of pieces) {
      down.show((arrived += piece.byteLength))
      yield piece
    }
  },
  createWriteStream(copy),
)
console.log((await digest(copy)) === (await digest(photo)) ? 'the same bytes' : 'other bytes')

// Only the beginning: the file over there is closed.
for await (const piece of await kennel.photo('rex.jpg')) {
  console.log(`the first piece: ${piece.byteLength > 0 ? 'is enough' : 'is empty'}`)
  break
}

// What goes wrong over there is thrown where it is read.
try {
  for await (const _piece of await kennel.photo('ace.jpg'));
} catch (error) {
  console.log(`no ace: ${(error as { executed?: string }).executed}`)
}
await rm(folder, { recursive: true })

async function digest(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(file)) hash.update(piece as Uint8Array)
  return hash.digest('hex')
}
