/**
 * What a call does once, however often it is handed to somebody: the value is recorded at the router, under the call and a key, before it is given. Keeps no
 * value itself.
 */
import { bodyBytes, parseBody, prepareBody, runInCall, WaybillError } from '@waybill/core'
import type { BodyLimits, CurrentCall } from '@waybill/core'

/** A value as bytes. */
export interface Noted {
  readonly encoding: number
  readonly bytes: Uint8Array
}

/** What is recorded of one call. */
export interface Notes {
  noted(key: string): Promise<Noted | undefined>
  /** Resolves to what stands there instead, where something was recorded before. */
  note(key: string, value: Noted): Promise<Noted | undefined>
}

/** The router's methods for it; see the server's `RouterApi`. */
export interface NoteCalls {
  noted(lease: string, key: string): Promise<Noted | undefined>
  note(lease: string, key: string, encoding: number, bytes: Uint8Array): Promise<Noted | undefined>
}

/** Those that are under way, by key: who asks for the same meanwhile gets the same. */
const underWay = new WeakMap<CurrentCall, Map<string, Promise<unknown>>>()

/** Rejects with what `run` throws, with why the value cannot be recorded, or with the reason why the call is aborted. */
export function recordOnce<T>(call: CurrentCall, notes: Notes, limits: BodyLimits, key: string, run: () => T | PromiseLike<T>): Promise<T> {
  let ofCall = underWay.get(call)
  if (ofCall === undefined) underWay.set(call, (ofCall = new Map()))
  const known = ofCall.get(key) as Promise<T> | undefined
  if (known !== undefined) return known
  const recorded = record(call, notes, limits, key, run).finally(() => ofCall.delete(key))
  ofCall.set(key, recorded)
  return recorded
}

async function record<T>(call: CurrentCall, notes: Notes, limits: BodyLimits, key: string, run: () => T | PromiseLike<T>): Promise<T> {
  const value = ({ encoding, bytes }: Noted): T => parseBody(encoding, bytes, limits, 'given') as T
  call.signal.throwIfAborted()
  const before = await notes.noted(key)
  if (before !== undefined) return value(before)
  call.signal.throwIfAborted()
  const prepared = prepareBody(await runInCall(call, run), limits, 'value')
  const made = { encoding: prepared.encoding, bytes: bodyBytes(prepared) }
  // Also the first time it is what a later attempt would get.
  return value((await notes.note(key, made)) ?? made)
}

/** The notes of the call that is here under a lease. A session that is lost meanwhile is waited for. */
export function notesOf(router: NoteCalls, lease: string, { signal }: CurrentCall): Notes {
  const asked = async <R>(ask: () => Promise<R>): Promise<R> => {
    for (;;) {
      try {
        return await ask()
      } catch (thrown) {
        signal.throwIfAborted()
        if (!(thrown instanceof WaybillError && lastingCodes.has(thrown.code))) throw thrown
      }
    }
  }
  return {
    noted: (key) => asked(() => router.noted(lease, key)),
    note: (key, { encoding, bytes }) => asked(() => router.note(lease, key, encoding, bytes)),
  }
}

/** After these the same may be asked again: what was recorded is known again, and nothing is recorded twice. */
const lastingCodes: ReadonlySet<string> = new Set(['RouterLost', 'IdleTimeout', 'DeadlineExceeded'])
