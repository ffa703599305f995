/**
 * From the first version of the format to the present one. That one had records alone, each as `u32 bytes, u32 checksum, u8 kind, bytes`, in segments that
 * were replayed from the first, none longer than is written inline today. They are appended again behind an empty snapshot; until the file `store` is replaced the old ones count, from then on the
 * new ones do, and the old ones are removed.
 */
import type { Soon } from '@waybill/core'
import { checksum } from './checksum.js'
import type { Disk, DiskFile } from './disk.js'
import { CHUNK_BYTES, readFully, reading } from './files.js'
import { damaged, FORMAT_VERSION, HEAD_BYTES, readHead } from './head.js'
import { namesOf, segmentName, snapshotName } from './names.js'
import { readU32 } from './numbers.js'
import { Form, MAX_INLINE_BYTES } from './record.js'
import { FREELY, writeSnapshot } from './snapshot.js'
import { saveStore, type StoreState } from './store-file.js'
import { Writer, type Boundary } from './writer.js'

const OLD_RECORD_BYTES = 9

/** Throws `Damaged`, and has changed nothing then that counts. Returns what the store is now. */
export async function upgrade(disk: Disk, old: StoreState, soon: Soon): Promise<StoreState> {
  const first = old.last + 1
  const boundary: Boundary = { segment: first, previousEnd: 0, group: 0 }
  const { files } = old
  // An attempt before this one was interrupted.
  for (const segment of namesOf(await disk.list()).segments) if (segment > old.last) await disk.remove(segmentName(segment))
  let last = old.last
  const writer = new Writer({
    disk,
    soon,
    files,
    segmentBytes: 64 * 1024 * 1024,
    from: boundary,
    begun: (segment) => {
      last = segment
      return Promise.resolve()
    },
    written: () => {},
    failed: () => {},
  })
  let lastEnd: number
  try {
    for (let segment = 1; segment <= old.last; segment++) await appendAgain(disk, segment, segment === old.last, writer)
  } finally {
    lastEnd = await writer.end()
  }
  if (writer.failure !== undefined) throw writer.failure
  await writeEmptySnapshot(disk, files, boundary)
  const state = { ...old, version: FORMAT_VERSION, snapshot: first, last, lastEnd: last > old.last ? lastEnd : 0 }
  await saveStore(disk, state)
  return state
}

async function writeEmptySnapshot(disk: Disk, files: Uint8Array, boundary: Boundary): Promise<void> {
  const file = await disk.create(snapshotName(boundary.segment))
  try {
    await writeSnapshot(file, files, { ...boundary, nextBlob: 1 }, [], FREELY)
  } finally {
    await file.close()
  }
  await disk.sync()
}

async function appendAgain(disk: Disk, segment: number, isLast: boolean, writer: Writer): Promise<void> {
  const name = segmentName(segment)
  await reading(disk, name, async (file) => {
    const head = readHead('segment', await readFully(file, name, 0, Math.min(HEAD_BYTES, file.bytes)), name)
    if (head.version !== 1 || head.number !== segment) throw damaged(`${name} is not what a store of version 1 has there`)
    let at = HEAD_BYTES
    while (at < file.bytes) {
      const record = await readOldRecord(file, name, at)
      if (record === undefined) {
        // As then: a record that the end of the file cuts short was never said to be safe.
        if (isLast) return
        throw damaged(`${name} ends in the middle`)
      }
      writer.append(record.kind, Form.plain, [record.bytes], record.bytes.byteLength)
      at += OLD_RECORD_BYTES + record.bytes.byteLength
      if (writer.pendingBytes > CHUNK_BYTES) await new Promise<void>((resolve, reject) => writer.whenSafe(resolve, reject))
    }
  })
}

/** Undefined where the file ends before the record does. */
async function readOldRecord(file: DiskFile, name: string, at: number): Promise<{ kind: number; bytes: Uint8Array } | undefined> {
  if (at + OLD_RECORD_BYTES > file.bytes) return undefined
  const length = readU32(await readFully(file, name, at, 4), 0)
  if (length > MAX_INLINE_BYTES) throw damaged(`${name} is not whole at ${at}`)
  if (at + OLD_RECORD_BYTES + length > file.bytes) return undefined
  const record = await readFully(file, name, at, OLD_RECORD_BYTES + length)
  if (readU32(record, 4) !== checksum(record, 8, record.byteLength, 0)) throw damaged(`${name} is not whole at ${at}`)
  return { kind: record[8]!, bytes: record.subarray(OLD_RECORD_BYTES) }
}
