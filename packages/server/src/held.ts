/**
 * Calls that the router holds: because no instance has room, because the only ones are away within their grace, because nobody is there yet and
 * the call may wait, or because it is not its turn. Bounded in number and bytes for each service and in all, but for stored calls, of which nothing is kept
 * here. Those that wait for room stand in
 * lanes, oldest first: one for each address, one for each instance that calls are bound to. Who may go is not decided here.
 */
import { FifoSet } from '@waybill/core'
import type { Limits } from './limits.js'
import type { CallRecord } from './model.js'

/** In order of arrival. */
export type Lane = Pick<FifoSet<CallRecord>, 'oldest' | typeof Symbol.iterator>

interface ServiceQueue {
  readonly lanes: Map<string, FifoSet<CallRecord>>
  /** Lanes for which there is nobody at all, so that they need not be looked at before somebody comes. */
  readonly parked: Map<string, FifoSet<CallRecord>>
  calls: number
  /** Those of them that are stored, which the bounds are not about. */
  stored: number
  bytes: number
}

export class Held {
  calls = 0
  bytes = 0
  #stored = 0
  readonly #limits: Limits
  readonly #queues = new Map<string, ServiceQueue>()
  /** Calls are numbered as they come, so that lanes can be compared. */
  #arrivals = 0

  constructor(limits: Limits) {
    this.#limits = limits
  }

  /** Whether anything waits in the lane, so that a newcomer must not overtake. */
  waiting(service: string, lane: string): boolean {
    if (this.calls === 0) return false
    const queue = this.#queues.get(service)
    return queue !== undefined && (queue.lanes.has(lane) || queue.parked.has(lane))
  }

  hasRoom(service: string, bytes: number): boolean {
    const { maxHeldBytes, maxHeldCalls, maxQueuedBytes, maxQueuedCalls } = this.#limits
    if (this.bytes + bytes > maxHeldBytes || this.calls - this.#stored >= maxHeldCalls) return false
    const queue = this.#queues.get(service)
    return queue === undefined || (queue.calls - queue.stored < maxQueuedCalls && queue.bytes + bytes <= maxQueuedBytes)
  }

  /** Keeps a frame of the call, and so holds it. */
  keep(call: CallRecord, frame: Uint8Array): void {
    const queue = this.#hold(call)
    call.held!.push(frame)
    call.heldBytes += frame.byteLength
    queue.bytes += frame.byteLength
    this.bytes += frame.byteLength
  }

  /** Holds a call whose frames are stored. */
  wait(call: CallRecord): void {
    if (call.held !== undefined) return
    this.#hold(call).stored++
    this.#stored++
    call.heldStored = true
  }

  #hold(call: CallRecord): ServiceQueue {
    const service = call.route.address.service
    let queue = this.#queues.get(service)
    if (queue === undefined) this.#queues.set(service, (queue = { lanes: new Map(), parked: new Map(), calls: 0, stored: 0, bytes: 0 }))
    if (call.held === undefined) {
      call.held = []
      call.arrival = ++this.#arrivals
      queue.calls++
      this.calls++
    }
    return queue
  }

  /** The call, which is held, waits for room from now on. */
  queue(call: CallRecord, lane: string): void {
    const queue = this.#queues.get(call.route.address.service)!
    const { lanes, parked } = queue
    this.#leave(call, queue)
    let calls = lanes.get(lane) ?? parked.get(lane)
    if (calls === undefined) lanes.set(lane, (calls = new FifoSet()))
    calls.add(call)
    call.lane = lane
  }

  /** Takes the call out, if it is held. */
  remove(call: CallRecord): readonly Uint8Array[] {
    const frames = call.held
    if (frames === undefined) return []
    const service = call.route.address.service
    const queue = this.#queues.get(service)!
    this.#leave(call, queue)
    queue.calls--
    queue.bytes -= call.heldBytes
    this.bytes -= call.heldBytes
    if (call.heldStored) {
      queue.stored--
      this.#stored--
      call.heldStored = false
    }
    if (queue.calls === 0) this.#queues.delete(service)
    call.held = undefined
    call.heldBytes = 0
    this.calls--
    return frames
  }

  /** Nobody is there for the lane that begins with this call: it is not looked at until `unpark`. */
  park(call: CallRecord): void {
    const { lanes, parked } = this.#queues.get(call.route.address.service)!
    const calls = lanes.get(call.lane!)
    if (calls === undefined) return
    lanes.delete(call.lane!)
    parked.set(call.lane!, calls)
  }

  /** Somebody came or went, so every lane is to be looked at again. */
  unpark(service: string): void {
    const queue = this.#queues.get(service)
    if (queue === undefined) return
    for (const [lane, calls] of queue.parked) queue.lanes.set(lane, calls)
    queue.parked.clear()
  }

  /** What waits for room at the service, but for what is parked. Not to be walked while calls come and go. */
  lanes(service: string): Iterable<Lane> {
    return this.#queues.get(service)?.lanes.values() ?? []
  }

  isWaitedFor(service: string): boolean {
    return this.calls > 0 && this.#queues.has(service)
  }

  #leave(call: CallRecord, { lanes: active, parked }: ServiceQueue): void {
    if (call.lane === undefined) return
    const lanes = active.has(call.lane) ? active : parked
    const calls = lanes.get(call.lane)!
    calls.delete(call)
    if (calls.size === 0) lanes.delete(call.lane)
    call.lane = undefined
  }
}
