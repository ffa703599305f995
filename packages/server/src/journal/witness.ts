/**
 * The file `witness`: up to where the last segment was safe when nothing more was to be written. Records that follow prove those before them; of the last
 * ones only this knows. Written in place and not synced, so it costs nobody a wait: after a power loss it may tell of less, never of more.
 */
import type { Disk, DiskFile } from './disk.js'
import { isMissing, readFully } from './files.js'
import { HEAD_BYTES, readOwnHead, writeHead } from './head.js'
import { WITNESS } from './names.js'

export interface Safe {
  readonly segment: number
  readonly offset: number
}

export class Witness {
  #file: DiskFile | undefined
  #isWriting = false
  #isEnded = false

  constructor(
    private readonly disk: Disk,
    private readonly files: Uint8Array,
  ) {}

  /** Nothing rests on its success. While one is being written another is left out. */
  async tell({ segment, offset }: Safe): Promise<void> {
    if (this.#isWriting || this.#isEnded) return
    this.#isWriting = true
    try {
      this.#file ??= await this.disk.create(WITNESS)
      await this.#file.write([writeHead('witness', { files: this.files, number: segment, a: offset, b: 0, c: 0 })], 0)
    } catch {
      this.#isEnded = true
    }
    this.#isWriting = false
    if (this.#isEnded) await this.end()
  }

  async end(): Promise<void> {
    this.#isEnded = true
    if (this.#isWriting) return
    const file = this.#file
    this.#file = undefined
    await file?.close().catch(() => {})
  }
}

/** Undefined where there is none; `unreadable` where it says nothing that can be believed. */
export async function readWitness(disk: Disk, files: Uint8Array): Promise<Safe | 'unreadable' | undefined> {
  try {
    const file = await disk.open(WITNESS)
    try {
      if (file.bytes === 0) return undefined
      const { number, a } = readOwnHead('witness', await readFully(file, WITNESS, 0, HEAD_BYTES), WITNESS, files)
      return { segment: number, offset: a }
    } finally {
      await file.close()
    }
  } catch (thrown) {
    return isMissing(thrown) ? undefined : 'unreadable'
  }
}
