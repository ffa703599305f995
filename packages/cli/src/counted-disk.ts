/** Owns a disk that says how much is read of it, so that long work can be watched. All else is the other disk's. */
import type { Disk, DiskFile } from '@waybill/server/store'

export function countedDisk(disk: Disk, read: (bytes: number) => void): Disk {
  return {
    name: disk.name,
    list: () => disk.list(),
    create: (name) => disk.create(name),
    settle: (name, from, bytes) => disk.settle(name, from, bytes),
    open: async (name) => countedFile(await disk.open(name), read),
    rename: (from, to) => disk.rename(from, to),
    remove: (name) => disk.remove(name),
    sync: () => disk.sync(),
    freeBytes: () => disk.freeBytes(),
    lock: () => disk.lock(),
  }
}

function countedFile(file: DiskFile, read: (bytes: number) => void): DiskFile {
  return {
    bytes: file.bytes,
    write: (parts, offset) => file.write(parts, offset),
    read: async (offset, bytes) => {
      const piece = await file.read(offset, bytes)
      read(piece.byteLength)
      return piece
    },
    sync: () => file.sync(),
    close: () => file.close(),
  }
}
