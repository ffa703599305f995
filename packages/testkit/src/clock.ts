/** Virtual time: what happens when, in (time, sequence) order. Owns the events that are still to come; runs none of them itself. */

/** One event that is to come. */
export class Appointment {
  cancelled = false

  constructor(
    readonly atMs: number,
    readonly sequence: number,
    readonly run: () => void,
  ) {}

  isBefore(other: Appointment): boolean {
    return this.atMs < other.atMs || (this.atMs === other.atMs && this.sequence < other.sequence)
  }
}

/** Times are whole multiples of this, which binary fractions hold exactly, so that sums are the same in whatever order they are made. */
const GRAIN_PER_MS = 1024

export class Calendar {
  nowMs = 0
  #sequence = 0
  readonly #heap: Appointment[] = []

  /** Not before `delayMs` has passed, and after everything that was appointed for that time before. */
  after(delayMs: number, run: () => void): Appointment {
    const atMs = Math.ceil((this.nowMs + Math.max(0, delayMs)) * GRAIN_PER_MS) / GRAIN_PER_MS
    const appointment = new Appointment(atMs, this.#sequence++, run)
    this.#rise(appointment)
    return appointment
  }

  /** The next event, which stays; cancelled ones are dropped. */
  peek(): Appointment | undefined {
    while (this.#heap[0]?.cancelled === true) this.#drop()
    return this.#heap[0]
  }

  /** Takes the next event out and moves the time to it. */
  take(): Appointment | undefined {
    const next = this.peek()
    if (next === undefined) return undefined
    this.#drop()
    this.nowMs = Math.max(this.nowMs, next.atMs)
    return next
  }

  #rise(appointment: Appointment): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(appointment)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!appointment.isBefore(heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = appointment
  }

  #drop(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    let at = 0
    for (;;) {
      let child = at * 2 + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && heap[child + 1]!.isBefore(heap[child]!)) child++
      if (!heap[child]!.isBefore(last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
  }
}
