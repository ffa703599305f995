/** Segment files that are open for reading: as many as were read last, each closed when nobody reads in it. */
import type { Disk, DiskFile } from './disk.js'
import { isMissing } from './files.js'
import { damaged } from './head.js'
import { segmentName } from './names.js'

const MOST_OPEN = 64

interface Volume {
  readonly file: Promise<DiskFile>
  readers: number
  isGone: boolean
}

export class Shelf {
  /** The least recently used one first. */
  readonly #volumes = new Map<number, Volume>()

  constructor(private readonly disk: Disk) {}

  async read(segment: number, offset: number, bytes: number): Promise<Uint8Array> {
    const volume = this.#take(segment)
    volume.readers++
    try {
      const file = await volume.file
      const read = await file.read(offset, bytes)
      if (read.byteLength !== bytes) throw damaged(`${segmentName(segment)} ends before ${offset + bytes}`)
      return read
    } catch (thrown) {
      throw isMissing(thrown) ? damaged(`${segmentName(segment)} is missing`, thrown) : thrown
    } finally {
      volume.readers--
      this.#settle(volume)
    }
  }

  forget(segment: number): void {
    const volume = this.#volumes.get(segment)
    if (volume === undefined) return
    this.#volumes.delete(segment)
    volume.isGone = true
    this.#settle(volume)
  }

  end(): void {
    for (const segment of this.#volumes.keys()) this.forget(segment)
  }

  #take(segment: number): Volume {
    const volume = this.#volumes.get(segment) ?? { file: this.disk.open(segmentName(segment)), readers: 0, isGone: false }
    this.#volumes.delete(segment)
    this.#volumes.set(segment, volume)
    if (this.#volumes.size > MOST_OPEN) this.forget(this.#volumes.keys().next().value!)
    // One that could not be opened is tried anew the next time.
    volume.file.catch(() => {
      if (this.#volumes.get(segment) === volume) this.#volumes.delete(segment)
    })
    return volume
  }

  #settle(volume: Volume): void {
    if (volume.isGone && volume.readers === 0) volume.file.then((file) => file.close()).catch(() => {})
  }
}
