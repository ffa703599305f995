/**
 * The service that workers of a simulation offer, and what each of its methods must give. Every method takes the id of its call first, so
 * that an answer shows whose it is. Owns nothing; executions are told to who asks.
 */
import { currentCall, service, type Call, type Remote, type RemoteOptions, type ServiceDefinition } from '@waybill/client'
import type { VirtualProcess } from '../process.js'

export interface Answer {
  readonly id: number
  readonly number: number
}

export interface Kennel {
  fast(id: number, number: number): Answer
  /** Works for so long. */
  slow(id: number, ms: number): Promise<Answer>
  fail(id: number): never
  /** Reports so many steps, one each so long. */
  steps(id: number, count: number, everyMs: number): Promise<Answer>
  /** Works on after a cancel. One at a time, so that others wait at the callee. */
  stubborn(id: number, ms: number): Promise<Answer>
  /** Ends when it is cancelled. */
  polite(id: number, ms: number): Promise<Answer>
  /** Gives so many bytes back, each the one that came plus one. */
  large(id: number, bytes: Uint8Array): Uint8Array
}

export type MethodName = keyof Kennel

export function kennelOf(version: string, concurrency: number | undefined): ServiceDefinition<Kennel> {
  const terms = concurrency === undefined ? {} : { concurrency }
  return service<Kennel>(
    `Kennel@${version}`,
    { fast: {}, slow: {}, fail: {}, steps: {}, stubborn: { concurrency: 1 }, polite: {}, large: {} },
    terms,
  )
}

/** A method has begun to run. */
export interface Execution {
  readonly id: number
  readonly sn: string
  /** Who the callee believes is calling. */
  readonly caller: string
  readonly worker: string
  readonly atMs: number
}

export function implementation(process: VirtualProcess, nowMs: () => number, log: (execution: Execution) => void): Kennel {
  const begin = (id: number): ReturnType<typeof currentCall> => {
    const call = currentCall()
    log({ id, sn: call.sn, caller: call.caller.client, worker: process.name, atMs: nowMs() })
    return call
  }
  return {
    fast: (id, number) => {
      begin(id)
      return { id, number: number + 1 }
    },
    slow: async (id, ms) => {
      begin(id)
      await process.sleep(ms)
      return { id, number: ms }
    },
    fail: (id) => {
      begin(id)
      throw new RangeError(`failed ${id}`)
    },
    steps: async (id, count, everyMs) => {
      const call = begin(id)
      for (let completed = 1; completed <= count; completed++) {
        await process.sleep(everyMs)
        call.progress({ total: count, completed })
      }
      return { id, number: count }
    },
    stubborn: async (id, ms) => {
      begin(id)
      await process.sleep(ms)
      return { id, number: ms }
    },
    polite: async (id, ms) => {
      const { signal } = begin(id)
      await Promise.race([
        process.sleep(ms),
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('stopped')))),
      ])
      return { id, number: ms }
    },
    large: (id, bytes) => {
      begin(id)
      return bytes.map((byte) => byte + 1)
    },
  }
}

/** What is called with what; `size` is a number of milliseconds, steps or bytes, whatever the method takes. */
export interface Invocation {
  readonly id: number
  readonly method: MethodName
  readonly size: number
  readonly everyMs: number
}

export function invoke(remote: Remote<Kennel>, { id, method, size, everyMs }: Invocation, options: RemoteOptions): Call<unknown> {
  switch (method) {
    case 'fast':
      return remote.fast.with(options)(id, size)
    case 'slow':
      return remote.slow.with(options)(id, size)
    case 'fail':
      return remote.fail.with(options)(id)
    case 'steps':
      return remote.steps.with(options)(id, size, everyMs)
    case 'stubborn':
      return remote.stubborn.with(options)(id, size)
    case 'polite':
      return remote.polite.with(options)(id, size)
    case 'large':
      return remote.large.with(options)(id, pattern(id, size))
  }
}

/** How long the method works. */
export function workMs({ method, size, everyMs }: Invocation): number {
  if (method === 'steps') return size * everyMs
  return method === 'slow' || method === 'stubborn' || method === 'polite' ? size : 0
}

/** Whether this is what the method gives for these arguments. */
export function isRight({ id, method, size }: Invocation, value: unknown): boolean {
  if (method === 'fail') return false
  if (method === 'large') {
    if (!(value instanceof Uint8Array) || value.byteLength !== size) return false
    const sent = pattern(id, size)
    return value.every((byte, at) => byte === ((sent[at]! + 1) & 255))
  }
  const answer = value as Answer | undefined
  return answer?.id === id && answer.number === (method === 'fast' ? size + 1 : size)
}

function pattern(id: number, bytes: number): Uint8Array {
  const filled = new Uint8Array(bytes)
  for (let at = 0; at < bytes; at++) filled[at] = id * 31 + at * 7
  return filled
}
