/**
 * Calls that the router holds because no instance has room, or because the only ones are away within their grace: one queue a service,
 * oldest first, bounded in number and bytes. Owns the order; who may go is asked of `choose`.
 */
import type { Limits } from './limits.js'
import type { CallRecord } from './model.js'

export class Held {
  calls = 0
  bytes = 0
  readonly #limits: Limits
  readonly #queues = new Map<string, { calls: Set<CallRecord>; bytes: number }>()

  constructor(limits: Limits) {
    this.#limits = limits
  }

  /** Whether anything waits for the service, so that a newcomer must not overtake. */
  waiting(service: string): boolean {
    return this.calls > 0 && this.#queues.has(service)
  }

  hasRoom(service: string, bytes: number): boolean {
    if (this.bytes + bytes > this.#limits.maxHeldBytes) return false
    const queue = this.#queues.get(service)
    return queue === undefined || (queue.calls.size < this.#limits.maxQueuedCalls && queue.bytes + bytes <= this.#limits.maxQueuedBytes)
  }

  add(call: CallRecord, frame: Uint8Array): void {
    const service = call.route.address.service
    let queue = this.#queues.get(service)
    if (queue === undefined) this.#queues.set(service, (queue = { calls: new Set(), bytes: 0 }))
    if (call.held === undefined) {
      call.held = []
      queue.calls.add(call)
      this.calls++
    }
    call.held.push(frame)
    call.heldBytes += frame.byteLength
    queue.bytes += frame.byteLength
    this.bytes += frame.byteLength
  }

  /** Takes the call out, if it is held. */
  remove(call: CallRecord): readonly Uint8Array[] {
    const frames = call.held
    if (frames === undefined) return []
    const service = call.route.address.service
    const queue = this.#queues.get(service)!
    queue.calls.delete(call)
    queue.bytes -= call.heldBytes
    this.bytes -= call.heldBytes
    if (queue.calls.size === 0) this.#queues.delete(service)
    call.held = undefined
    call.heldBytes = 0
    this.calls--
    return frames
  }

  /** What waits for the service, oldest first. The caller may remove the call that it was just given. */
  of(service: string): Iterable<CallRecord> {
    return this.#queues.get(service)?.calls ?? []
  }

  services(): string[] {
    return [...this.#queues.keys()]
  }
}
