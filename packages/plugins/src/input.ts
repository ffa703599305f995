/** Owns what becomes of a payload before an action gets it, and the temporary file of one that wants a file. Everything here came from the wire. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { streamKind } from '@waybill/core'
import type { Action, Input, Inputs } from './define.js'
import type { SentPayload } from './payload.js'

const MIB = 1024 * 1024
const mostBytes: Readonly<Record<Input, number>> = { bytes: 8 * MIB, buffer: Number.POSITIVE_INFINITY, file: 1024 * MIB }

/** Whether it is one. What stands in a stream is seen when it is read. */
export function isPayload(value: unknown): value is SentPayload | undefined {
  if (value === undefined || typeof value === 'string' || value instanceof Uint8Array) return true
  return typeof value === 'object' && value !== null && streamKind(value) !== undefined
}

/** Gives `use` the payload in the form that the action asks for, and then removes what was made of it. Rejects where there is too much of it. */
export async function* withInput<T>(
  { input, maxInputBytes = mostBytes[input] }: Action,
  payload: SentPayload | undefined,
  use: (input: Inputs[Input]) => AsyncGenerator<T>,
): AsyncGenerator<T> {
  const pieces = bounded(payload, maxInputBytes)
  if (input === 'buffer') return yield* use(pieces)
  if (input === 'bytes') return yield* use(await collected(pieces))
  const folder = await mkdtemp(join(tmpdir(), 'waybill-plugin-'))
  try {
    const path = join(folder, 'input')
    await writeFile(path, pieces, { flag: 'wx', mode: 0o600 })
    yield* use(path)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function* bounded(payload: SentPayload | undefined, maxBytes: number): AsyncGenerator<Uint8Array> {
  let leftBytes = maxBytes
  for await (const given of typeof payload === 'string' || payload instanceof Uint8Array ? [payload] : (payload ?? [])) {
    const piece: unknown = typeof given === 'string' ? new TextEncoder().encode(given) : given
    if (!(piece instanceof Uint8Array)) throw new TypeError('the payload is a stream of something else than bytes or text')
    leftBytes -= piece.byteLength
    if (leftBytes < 0) throw new RangeError(`the payload has more than the ${maxBytes} bytes that the action takes`)
    yield piece
  }
}

async function collected(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  // Into one place, as a list of pieces that have a byte each, or none, would cost much more than what they say.
  let all = new Uint8Array(4096)
  let length = 0
  for await (const piece of pieces) {
    const end = length + piece.byteLength
    if (end > all.byteLength) {
      const larger = new Uint8Array(Math.max(end, 2 * all.byteLength))
      larger.set(all)
      all = larger
    }
    all.set(piece, length)
    length = end
  }
  return all.subarray(0, length)
}
