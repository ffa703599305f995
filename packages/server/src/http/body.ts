/** The body of a request: read as it is and to its end, within a bound of bytes, and of time between them. Looks into nothing. */
import { createHash } from 'node:crypto'
import { WaybillError, type Clock, type ParcelHead } from '@waybill/core'
import type { BodySpool } from '../bodies.js'
import type { Incoming } from '../parcels/index.js'

export interface BodyBounds {
  readonly mostBytes: number
  readonly pace: Pace
}

/** How long nothing may come. */
export interface Pace {
  readonly clock: Clock
  readonly idleMs: number
}

/** Throws `TooLarge`, as early as that is known, and `ProtocolViolation` where it does not go on, or breaks off. */
export async function readBody(request: Request, bounds: BodyBounds): Promise<Uint8Array> {
  const announced = Number(request.headers.get('content-length') ?? 0)
  if (announced > bounds.mostBytes) throw tooLarge(bounds.mostBytes, announced)
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of piecesOf(request, bounds.pace)) {
    size += piece.byteLength
    if (size > bounds.mostBytes) throw tooLarge(bounds.mostBytes, size)
    pieces.push(piece)
  }
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, size)
}

/** How much of a body there is to be in memory, and where the rest of a longer one goes. */
export interface ContentBounds extends BodyBounds {
  readonly spool: () => BodySpool
}

/** All of it, with its head: in memory, or where it is longer in a record of its own. Throws as `readBody`, but for `TooLarge`, and `Overloaded`. */
export async function readContent(request: Request, head: ParcelHead, bounds: ContentBounds): Promise<Incoming> {
  const pieces: Uint8Array[] = []
  let size = 0
  let spool: BodySpool | undefined
  const hash = createHash('sha256')
  try {
    for await (const piece of piecesOf(request, bounds.pace)) {
      size += piece.byteLength
      if (spool === undefined && size <= bounds.mostBytes) {
        pieces.push(piece)
        continue
      }
      spool ??= bounds.spool()
      for (const next of [...pieces.splice(0), piece]) {
        hash.update(next)
        await spool.write(next)
      }
    }
  } catch (thrown) {
    await spool?.abort()
    throw thrown
  }
  if (spool === undefined) return { head, bytes: pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, size) }
  const spooled = { place: spool.end(), digest: hash.digest() }
  return { head: { ...head, 'content-length': String(size) }, bytes: new Uint8Array(0), spooled }
}

/** As they come. */
export async function* piecesOf({ body }: Request, pace: Pace): AsyncGenerator<Uint8Array> {
  if (body === null) return
  const reader = body.getReader()
  let isWhole = false
  try {
    for (;;) {
      const { done, value } = await within(pace, reader.read())
      if (done) return void (isWhole = true)
      yield value
    }
  } catch (cause) {
    throw cause instanceof WaybillError ? cause : broken('it broke off', cause)
  } finally {
    if (!isWhole) void reader.cancel().catch(() => {})
  }
}

/** An object of JSON, for what the router itself is told. Throws `BadArguments` for anything else. */
export async function readObject(request: Request, bounds: BodyBounds): Promise<Record<string, unknown>> {
  const bytes = await readBody(request, bounds)
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch {
    // Said below.
  }
  throw new WaybillError('BadArguments', 'the body of this request is a JSON object')
}

function within<T>({ clock, idleMs }: Pace, reading: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.timer(idleMs, () => reject(broken(`nothing of it came for ${idleMs} ms`)))
    reading.then(resolve, reject).finally(() => timer.cancel())
  })
}

function broken(why: string, cause?: unknown): WaybillError {
  return new WaybillError('ProtocolViolation', `the body of the request did not arrive: ${why}; nothing was stored`, {
    executed: 'no',
    cause,
  })
}

function tooLarge(limit: number, size: number): WaybillError {
  return new WaybillError('TooLarge', `the body of the request is over the limit of ${limit} bytes`, {
    executed: 'no',
    details: { limit, size },
  })
}
