/**
 * The first 64 bytes of every file of a store: what it is, in which version of the format, whose, and four numbers that its kind gives a meaning. This
 * layout is for ever: a version that knows nothing of what follows can still say that.
 *
 * ```
 * 0   8 bytes  magic      12  u32  checksum of the others    32  u64 × 4  number, a, b, c
 * 8   u32      version    16  16 bytes  id of the files
 * ```
 */
import { WaybillError } from '@waybill/core'
import { checksum } from './checksum.js'
import { readU32, readU64, writeU32, writeU64 } from './numbers.js'

/** 1: records alone, without groups, snapshots and blobs. 2: blobs of one piece, and none that was spooled. 3: what is written today. */
export const FORMAT_VERSION = 3
/** Files of this version and later ones are read as they are; what is older is written anew. */
export const OLDEST_READ = 2
export const HEAD_BYTES = 64

const magics = {
  store: 'waybill\u0001',
  segment: 'waybill\u0002',
  snapshot: 'waybill\u0003',
  blob: 'waybill\u0004',
  witness: 'waybill\u0005',
} as const
export type FileKind = keyof typeof magics

export interface Head {
  readonly version: number
  /** 16 random bytes that all files of a store have; known to nobody else, so no record that came over a wire can pass for one that was written. */
  readonly files: Uint8Array
  readonly number: number
  readonly a: number
  readonly b: number
  readonly c: number
}

export function writeHead(kind: FileKind, head: Omit<Head, 'version'>, version: number = FORMAT_VERSION): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES)
  bytes.set(new TextEncoder().encode(magics[kind]))
  writeU32(bytes, 8, version)
  bytes.set(head.files, 16)
  writeU64(bytes, 32, head.number)
  writeU64(bytes, 40, head.a)
  writeU64(bytes, 48, head.b)
  writeU64(bytes, 56, head.c)
  writeU32(bytes, 12, sumOf(bytes))
  return bytes
}

/** Throws `Damaged`, and `Incompatible` where a newer version wrote it. Whether an older one will do is for who asks. */
export function readHead(kind: FileKind, bytes: Uint8Array, name: string): Head {
  if (bytes.byteLength < HEAD_BYTES) throw damaged(`${name} has ${bytes.byteLength} bytes, fewer than any of its kind`)
  if (new TextDecoder().decode(bytes.subarray(0, 8)) !== magics[kind]) throw damaged(`${name} does not begin as a ${kind} does`)
  if (readU32(bytes, 12) !== sumOf(bytes)) throw damaged(`the checksum of the head of ${name} does not fit`)
  const version = readU32(bytes, 8)
  if (version > FORMAT_VERSION) {
    throw new WaybillError(
      'Incompatible',
      `the store was written by a newer Waybill: ${name} has version ${version} of the format, and this one knows ${FORMAT_VERSION}; nothing was changed`,
      { details: { version, known: FORMAT_VERSION } },
    )
  }
  return {
    version,
    files: bytes.slice(16, 32),
    number: readU64(bytes, 32),
    a: readU64(bytes, 40),
    b: readU64(bytes, 48),
    c: readU64(bytes, 56),
  }
}

/** The same, of a version that is read as it is, and of these files. */
export function readOwnHead(kind: FileKind, bytes: Uint8Array, name: string, files: Uint8Array, number?: number): Head {
  const head = readHead(kind, bytes, name)
  if (head.version < OLDEST_READ) throw damaged(`${name} has version ${head.version} of the format, the store a later one`)
  if (head.files.some((byte, at) => byte !== files[at])) throw damaged(`${name} belongs to another store`)
  if (number !== undefined && head.number !== number) throw damaged(`${name} is number ${head.number} inside`)
  return head
}

export function damaged(what: string, cause?: unknown): WaybillError {
  return new WaybillError('Damaged', `the store is damaged: ${what}`, cause === undefined ? {} : { cause })
}

function sumOf(head: Uint8Array): number {
  return checksum(head, 16, HEAD_BYTES, checksum(head, 0, 12, 0))
}
