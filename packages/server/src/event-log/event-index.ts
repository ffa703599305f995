/**
 * Where the events that are kept stand, by id: 28 bytes for each, in columns. Their ids follow each other without a gap; the oldest go first. Pure: knows the
 * journal's places as numbers, and no event's value.
 */
import type { Place } from '../journal/journal.js'
import { TopicNames } from './topic-names.js'

/** Events of one chunk of columns; a power of two. */
export const CHUNK_EVENTS = 4096

class Chunk {
  readonly topics = new Uint32Array(CHUNK_EVENTS)
  readonly segments = new Uint32Array(CHUNK_EVENTS)
  readonly offsets = new Float64Array(CHUNK_EVENTS)
  readonly bytes = new Uint32Array(CHUNK_EVENTS)
  readonly ms = new Float64Array(CHUNK_EVENTS)
}

export class EventIndex {
  /** Of the oldest that is kept; where there is none, of the next. */
  first = 1
  /** Of the next one. */
  next = 1
  /** Of the records of all that are kept. */
  bytes = 0
  readonly #chunks: Chunk[] = []
  /** What the first chunk begins with. */
  #base = 1
  readonly #topics = new TopicNames()

  get size(): number {
    return this.next - this.first
  }

  has(id: number): boolean {
    return id >= this.first && id < this.next
  }

  /** Nothing may be kept: ids begin here. */
  begin(id: number): void {
    this.first = this.next = this.#base = id
    this.#chunks.length = 0
  }

  add(topic: string, ms: number, { segment, offset, bytes }: Place): number {
    const id = this.next++
    const at = id - this.#base
    const row = at % CHUNK_EVENTS
    if (row === 0) this.#chunks.push(new Chunk())
    const chunk = this.#chunks[(at - row) / CHUNK_EVENTS]!
    chunk.topics[row] = this.#topics.add(topic)
    chunk.segments[row] = segment
    chunk.offsets[row] = offset
    chunk.bytes[row] = bytes
    chunk.ms[row] = ms
    this.bytes += bytes
    return id
  }

  /** Undefined where the record must be read to know it. The event must be kept, as for all that follows. */
  topicOf(id: number): string | undefined {
    return this.#topics.nameOf(this.#chunkOf(id).topics[this.#rowOf(id)]!)
  }

  msOf(id: number): number {
    return this.#chunkOf(id).ms[this.#rowOf(id)]!
  }

  bytesOf(id: number): number {
    return this.#chunkOf(id).bytes[this.#rowOf(id)]!
  }

  placeOf(id: number): Place {
    const chunk = this.#chunkOf(id)
    const row = this.#rowOf(id)
    return { segment: chunk.segments[row]!, offset: chunk.offsets[row]!, bytes: chunk.bytes[row]! }
  }

  isAt(id: number, { segment, offset }: Place): boolean {
    const chunk = this.#chunkOf(id)
    const row = this.#rowOf(id)
    return chunk.segments[row] === segment && chunk.offsets[row] === offset
  }

  move(id: number, { segment, offset }: Place): void {
    const chunk = this.#chunkOf(id)
    const row = this.#rowOf(id)
    chunk.segments[row] = segment
    chunk.offsets[row] = offset
  }

  /** All before this one are kept no longer. */
  dropBefore(id: number): void {
    for (; this.first < id; this.first++) {
      const chunk = this.#chunkOf(this.first)
      const row = this.#rowOf(this.first)
      this.bytes -= chunk.bytes[row]!
      this.#topics.remove(chunk.topics[row]!)
    }
    while (this.#chunks.length > 0 && this.first - this.#base >= CHUNK_EVENTS) {
      this.#chunks.shift()
      this.#base += CHUNK_EVENTS
    }
  }

  #chunkOf(id: number): Chunk {
    return this.#chunks[Math.floor((id - this.#base) / CHUNK_EVENTS)]!
  }

  #rowOf(id: number): number {
    return (id - this.#base) % CHUNK_EVENTS
  }
}
