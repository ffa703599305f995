/**
 * Owns the answer to "which call am I in?". Must not know how calls arrive, nor AsyncLocalStorage: the client's Node entry installs that.
 *
 * Without it a variable is set only while the method's own code runs synchronously, which is right everywhere and for any number of
 * concurrent calls, but ends at the first `await`. The slot is on `globalThis` under `Symbol.for`, so two copies of this package agree.
 */
import type { Progress } from '../remote-types/index.js'

export interface Caller {
  /** Name or id of the client that made the call. */
  readonly client: string
  /** Who that client is to the router. */
  readonly principal: string
}

/** The call that a method is running for. */
export interface CurrentCall {
  readonly sn: string
  readonly service: string
  readonly method: string
  readonly caller: Caller
  /** What the caller sent beside the arguments. */
  readonly data: unknown
  /** 1, or more where the router handed the same call over again, after it had lost whoever had it. */
  readonly attempt: number
  /** Serial number of the group that the call belongs to. */
  readonly parent?: string | undefined
  /** Milliseconds of the callee's monotonic clock; absent without a deadline. */
  readonly deadlineMs?: number | undefined
  /** Aborts when the call is cancelled or its deadline has passed. */
  readonly signal: AbortSignal
  /** Tells the caller how far the work is. Renews the idle timeout. Does nothing once the call has ended. */
  readonly progress: (progress: Progress) => void
  /**
   * Runs `fn` and records its value at the router, under this call and the key, before it resolves to it: durably where the router keeps stored calls. A later
   * attempt of the same call, in any process, gets the recorded value and does not run `fn`; so does another try of a dead letter. The first value that
   * is recorded counts, and all get that one, as it comes from the wire. At most 64 keys a call, and 64 KiB each.
   *
   * This is not exactly once: where the process ends between `fn` and the record, `fn` runs again. What `fn` throws is not recorded. Only a stored call that may be
   * handed over again has anything to record: for any other call this just runs `fn`.
   */
  readonly once: <T>(key: string, fn: () => T | PromiseLike<T>) => Promise<T>
}

/** A place that follows a call through its awaits: the shape of Node's AsyncLocalStorage. */
export interface CallStorage {
  run<R>(call: CurrentCall | undefined, code: () => R): R
  getStore(): CurrentCall | undefined
}

interface Slot {
  call: CurrentCall | undefined
  storage: CallStorage | undefined
}

const key = Symbol.for('waybill.currentCall')
const shared = globalThis as { [key]?: Slot }
const slot: Slot = (shared[key] ??= { call: undefined, storage: undefined })

/** The call that this code runs for, as far as it can be known; undefined outside of a call. */
export function callAtHand(): CurrentCall | undefined {
  return slot.storage === undefined ? slot.call : slot.storage.getStore()
}

/** The call that this code runs for. Take it **before the first await**: afterwards only Node still knows it. Throws outside of a call. */
export function currentCall(): CurrentCall {
  const call = callAtHand()
  if (call !== undefined) return call
  throw new Error('currentCall() outside of a call: take it at the start of the remote method, before the first await')
}

/** Runs the synchronous part of `code` for `call`. `undefined` runs it outside of any call. */
export function runInCall<R>(call: CurrentCall | undefined, code: () => R): R {
  if (slot.storage !== undefined) return slot.storage.run(call, code)
  const outer = slot.call
  slot.call = call
  try {
    return code()
  } finally {
    slot.call = outer
  }
}

/** Once, at start. From then on the storage alone is asked. `undefined` takes it out again. */
export function installCallStorage(storage: CallStorage | undefined): void {
  slot.storage = storage
}
