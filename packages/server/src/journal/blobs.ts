/** Records that have a file of their own: written whole and synced before any record says that they are there. */
import { checksum } from './checksum.js'
import type { Disk } from './disk.js'
import { readFully, reading } from './files.js'
import type { WaitingBlob } from './group.js'
import { damaged, HEAD_BYTES, readOwnHead, writeHead } from './head.js'
import { blobName } from './names.js'

/** Its name is safe once the folder is synced. Returns how long the file is. */
export async function writeBlob(disk: Disk, files: Uint8Array, { number, bytes, sum, parts }: WaitingBlob): Promise<number> {
  const file = await disk.create(blobName(number))
  try {
    await file.write([writeHead('blob', { files, number, a: bytes, b: sum, c: 0 }), ...parts], 0)
    await file.sync()
  } finally {
    await file.close()
  }
  return HEAD_BYTES + bytes
}

/** Throws `Damaged` where it is not as it was written, or not as the record says that it was. */
export async function readBlob(disk: Disk, files: Uint8Array, number: number, bytes: number, sum?: number): Promise<Uint8Array> {
  const whole = await readBlobFile(disk, files, number)
  const { a, b } = readOwnHead('blob', whole, blobName(number), files, number)
  if (a !== bytes || (sum ?? b) !== b) throw damaged(`${blobName(number)} is not the one that was written there`)
  return whole.subarray(HEAD_BYTES)
}

/** All of the file. Throws `Damaged` where it is not as it was written, or not written yet. */
export async function readBlobFile(disk: Disk, files: Uint8Array, number: number): Promise<Uint8Array> {
  const name = blobName(number)
  return await reading(disk, name, async (file) => {
    const whole = await readFully(file, name, 0, file.bytes)
    const { a, b } = readOwnHead('blob', whole, name, files, number)
    if (whole.byteLength !== HEAD_BYTES + a) throw damaged(`${name} has ${whole.byteLength} bytes instead of ${HEAD_BYTES + a}`)
    if (checksum(whole, HEAD_BYTES, whole.byteLength, 0) !== b) throw damaged(`the checksum of ${name} does not fit`)
    return whole
  })
}
