/** Contents of parcels as JSON: what is said of them, and the bytes as base64; on their way in also as text or as a value of JSON. */
import type { ParcelHead } from '@waybill/core'
import * as z from 'zod'
import type { Content } from '../parcels/index.js'

/** Names in lower case. */
const headers = z.strictObject({
  'content-type': z.string().optional(),
  'content-encoding': z.string().optional(),
  'content-language': z.string().optional(),
  'content-disposition': z.string().optional(),
  'content-location': z.string().optional(),
})

/** The body in one of three ways; none of them: no bytes. */
export const contentInput = z
  .strictObject({
    headers: headers.optional(),
    base64: z.base64().optional(),
    /** UTF-8; `text/plain` unless the headers say otherwise. */
    text: z.string().optional(),
    /** Written as JSON; `application/json` unless the headers say otherwise. */
    json: z.json().optional(),
  })
  .refine(({ base64, text, json }) => [base64, text, json].filter((one) => one !== undefined).length <= 1, {
    message: 'a content is base64, text or json, and one of them alone',
  })

/** Of a piece of a content that is told without its bytes. */
const PIECE_BYTES = 256 * 1024

/** In bytes, from the beginning. */
export const offset = z.int().min(0)

/** A content that is told. */
export interface ToldContent {
  readonly headers: ParcelHead
  readonly base64: string
  /** Where there are too many bytes for one answer: how many. `base64` is empty then, and `piece` gives them. */
  readonly size?: number
}

export function contentOf({ headers: said = {}, base64, text, json }: z.output<typeof contentInput>): Content {
  const given = Object.entries(said).filter((entry): entry is [string, string] => entry[1] !== undefined)
  const head = (type: string): ParcelHead => Object.fromEntries([['content-type', type], ...given])
  if (text !== undefined) return { head: head('text/plain; charset=utf-8'), bytes: Buffer.from(text) }
  if (json !== undefined) return { head: head('application/json'), bytes: Buffer.from(JSON.stringify(json)) }
  return { head: Object.fromEntries(given), bytes: Buffer.from(base64 ?? '', 'base64') }
}

export function toldContent({ head, bytes, large }: Content): ToldContent {
  return { headers: head, base64: base64Of(bytes), ...(large !== undefined && { size: large.size }) }
}

/** What stands there, as much as one answer has; nothing behind the end. */
export async function toldPiece({ bytes, large }: Content, offset: number): Promise<{ readonly base64: string }> {
  if (large === undefined) return { base64: base64Of(bytes.subarray(offset, offset + PIECE_BYTES)) }
  return { base64: offset < large.size ? base64Of(await large.read(offset, PIECE_BYTES)) : '' }
}

function base64Of({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64')
}
