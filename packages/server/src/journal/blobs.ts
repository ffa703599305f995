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
  const name = blobName(number)
  return await reading(disk, name, async (file) => {
    const whole = await readFully(file, name, 0, file.bytes)
    const head = readOwnHead('blob', whole, name, files, number)
    if (whole.byteLength !== HEAD_BYTES + head.a) throw damaged(`${name} has ${whole.byteLength} bytes instead of ${HEAD_BYTES + head.a}`)
    if (head.a !== bytes || (sum ?? head.b) !== head.b) throw damaged(`${name} is not the one that was written there`)
    if (checksum(whole, HEAD_BYTES, whole.byteLength, 0) !== head.b) throw damaged(`the checksum of ${name} does not fit`)
    return whole.subarray(HEAD_BYTES)
  })
}
