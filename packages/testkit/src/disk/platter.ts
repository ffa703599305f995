/**
 * What a disk holds, and what of it would survive a power loss: bytes by sectors, names by what was done to them in order. Everything happens at once; when
 * it happens, and whether it fails, is for the disk around it. Survives the processes that write to it.
 */
import type { Seeded } from '../random.js'

const SECTOR_BYTES = 512

/** Contents of one file, whatever it is called. */
export class Inode {
  bytes: Uint8Array = new Uint8Array(0)
  /** As it was when it was last made safe. */
  #safe: Uint8Array = new Uint8Array(0)

  write(parts: readonly Uint8Array[], offset: number): void {
    if (offset > this.bytes.byteLength) throw new Error('a write beyond the end')
    const end = offset + parts.reduce((sum, { byteLength }) => sum + byteLength, 0)
    const bytes = new Uint8Array(Math.max(end, this.bytes.byteLength))
    bytes.set(this.bytes)
    let at = offset
    for (const part of parts) {
      bytes.set(part, at)
      at += part.byteLength
    }
    this.bytes = bytes
  }

  cut(length: number): void {
    this.bytes = this.bytes.slice(0, length)
  }

  makeSafe(): void {
    this.#safe = this.bytes
  }

  /** Of what was not made safe each sector is there or not; the length is the old one, the new one, or between. */
  loseUnsafe(random: Seeded): void {
    const [safe, now] = [this.#safe, this.bytes]
    if (safe === now) return
    const lengths = [
      safe.byteLength,
      now.byteLength,
      random.whole(Math.min(safe.byteLength, now.byteLength), Math.max(safe.byteLength, now.byteLength)),
    ]
    const kept = new Uint8Array(random.pick(lengths))
    kept.set(safe.subarray(0, kept.byteLength))
    const share = random.pick([0, 0.5, 1])
    for (let at = 0; at < kept.byteLength; at += SECTOR_BYTES) {
      if (random.fraction() >= share) continue
      kept.set(now.subarray(at, Math.min(at + SECTOR_BYTES, kept.byteLength)), at)
    }
    this.bytes = kept
    this.#safe = kept
  }
}

type Change =
  | { readonly names: readonly [string]; readonly inode: Inode | undefined }
  | { readonly names: readonly [from: string, to: string]; readonly inode: Inode }

export class Platter {
  readonly names = new Map<string, Inode>()
  #safeNames = new Map<string, Inode>()
  #changes: Change[] = []

  get bytes(): number {
    let bytes = 0
    for (const inode of this.names.values()) bytes += inode.bytes.byteLength
    return bytes
  }

  create(name: string): Inode {
    const inode = new Inode()
    this.#change({ names: [name], inode })
    return inode
  }

  rename(from: string, to: string): void {
    this.#change({ names: [from, to], inode: this.names.get(from)! })
  }

  remove(name: string): void {
    this.#change({ names: [name], inode: undefined })
  }

  makeNamesSafe(): void {
    this.#safeNames = new Map(this.names)
    this.#changes = []
  }

  /** Of names that were not made safe each change has happened or not, and none without what had to happen before it. */
  losePower(random: Seeded): void {
    for (const inode of new Set([...this.names.values(), ...this.#safeNames.values()])) inode.loseUnsafe(random)
    const lost = new Set<string>()
    const share = random.pick([0, 0.5, 1])
    const changes = this.#changes
    this.names.clear()
    for (const [name, inode] of this.#safeNames) this.names.set(name, inode)
    for (const change of changes) {
      if (random.fraction() < share && !change.names.some((name) => lost.has(name))) apply(this.names, change)
      else for (const name of change.names) lost.add(name)
    }
    this.makeNamesSafe()
  }

  /** As it is now, for many goes from the same start; everything in it is safe. */
  copy(): Platter {
    const copy = new Platter()
    for (const [name, inode] of this.names) {
      const other = copy.create(name)
      other.bytes = inode.bytes.slice()
      other.makeSafe()
    }
    copy.makeNamesSafe()
    return copy
  }

  #change(change: Change): void {
    this.#changes.push(change)
    apply(this.names, change)
  }
}

function apply(names: Map<string, Inode>, change: Change): void {
  const [first, second] = change.names
  if (second !== undefined) {
    names.delete(first)
    names.set(second, change.inode!)
  } else if (change.inode === undefined) names.delete(first)
  else names.set(first, change.inode)
}
