/**
 * The service that workers of a simulation offer, and what each of its methods must give. Every method takes the id of its call first, so
 * that an answer shows whose it is. Owns nothing; executions are told to who asks.
 */
import { currentCall, service, type ServiceDefinition } from '@waybill/client'
import type { VirtualProcess } from '../process.js'

export interface Answer {
  readonly id: number
  readonly number: number
  /** The process that says so, where the method may run in more than one. */
  readonly by?: number
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
  /** Gives so many bytes back, each the one that came plus one. May run more than once, so its pieces are delivered again too. */
  large(id: number, bytes: Uint8Array): Uint8Array
  /** Works for so long, and may run more than once. */
  fetch(id: number, ms: number): Promise<Answer>
  /** Makes another call while it runs, and waits for it. What becomes of that one is not its business. */
  relay(id: number, number: number): Promise<Answer>
}

export type MethodName = keyof Kennel

export function kennelOf(version: string, concurrency: number | undefined): ServiceDefinition<Kennel> {
  const terms = concurrency === undefined ? {} : { concurrency }
  return service<Kennel>(
    `Kennel@${version}`,
    {
      fast: {},
      slow: {},
      fail: {},
      steps: {},
      stubborn: { concurrency: 1 },
      polite: {},
      large: { idempotent: true },
      fetch: { idempotent: true },
      relay: {},
    },
    terms,
  )
}

const IDEMPOTENT: ReadonlySet<MethodName> = new Set(['large', 'fetch'])

/** Whether a stored call of it may run more than once. */
export function isIdempotent(method: MethodName): boolean {
  return IDEMPOTENT.has(method)
}

/** A run of a method. */
export interface Execution {
  readonly id: number
  readonly sn: string
  /** Who the callee believes is calling. */
  readonly caller: string
  readonly worker: string
  readonly process: VirtualProcess
  readonly atMs: number
  /** Undefined while it runs, and for ever where its process was killed. */
  endMs: number | undefined
}

/** What a kennel needs of the simulation that it is in. */
export interface Surroundings {
  readonly process: VirtualProcess
  nowMs(): number
  log(execution: Execution): void
  /** Makes a call during that one, and resolves when it has ended, however. */
  nested(id: number): Promise<void>
}

export function implementation({ process, nowMs, log, nested }: Surroundings): Kennel {
  const run = <R>(id: number, work: (call: ReturnType<typeof currentCall>) => R): R => {
    const call = currentCall()
    const execution: Execution = {
      id,
      sn: call.sn,
      caller: call.caller.client,
      worker: process.name,
      process,
      atMs: nowMs(),
      endMs: undefined,
    }
    log(execution)
    const end = (): void => void (execution.endMs = nowMs())
    try {
      const given = work(call)
      if (!(given instanceof Promise)) end()
      else void given.then(end, end)
      return given
    } catch (thrown) {
      end()
      throw thrown
    }
  }
  const working = (id: number, ms: number): Promise<Answer> =>
    run(id, async () => {
      await process.sleep(ms)
      return { id, number: ms }
    })
  return {
    fast: (id, number) => run(id, () => ({ id, number: number + 1 })),
    slow: working,
    fail: (id) =>
      run(id, () => {
        throw new RangeError(`failed ${id}`)
      }),
    steps: (id, count, everyMs) =>
      run(id, async (call) => {
        for (let completed = 1; completed <= count; completed++) {
          await process.sleep(everyMs)
          call.progress({ total: count, completed })
        }
        return { id, number: count }
      }),
    stubborn: working,
    polite: (id, ms) =>
      run(id, async ({ signal }) => {
        await Promise.race([
          process.sleep(ms),
          new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('stopped')))),
        ])
        return { id, number: ms }
      }),
    large: (id, bytes) => run(id, () => inverted(bytes)),
    fetch: async (id, ms) => ({ ...(await working(id, ms)), by: process.id }),
    relay: (id, number) =>
      run(id, async () => {
        await nested(id)
        return { id, number }
      }),
  }
}

/** What is called with what; `size` is a number of milliseconds, steps or bytes, whatever the method takes. */
export interface Invocation {
  readonly id: number
  readonly method: MethodName
  readonly size: number
  readonly everyMs: number
}

/** The method's arguments. */
export function argumentsOf({ id, method, size, everyMs }: Invocation): readonly unknown[] {
  switch (method) {
    case 'fail':
      return [id]
    case 'steps':
      return [id, size, everyMs]
    case 'large':
      return [id, pattern(id, size)]
    default:
      return [id, size]
  }
}

/** How long a call made during another one may take. */
export const NESTED_MS = 1500

/** How long the method works. */
export function workMs({ method, size, everyMs }: Invocation): number {
  if (method === 'steps') return size * everyMs
  if (method === 'relay') return NESTED_MS
  return method === 'slow' || method === 'stubborn' || method === 'polite' || method === 'fetch' ? size : 0
}

/** Whether this is what the method gives for these arguments. */
export function isRight({ id, method, size }: Invocation, value: unknown): boolean {
  if (method === 'fail') return false
  if (method === 'large') {
    return value instanceof Uint8Array && Buffer.compare(value, inverted(pattern(id, size))) === 0
  }
  const answer = value as Answer | undefined
  return answer?.id === id && answer.number === (method === 'fast' ? size + 1 : size)
}

/** Prime, so that pieces of a body that are swapped show. */
const PERIOD = 251

function pattern(id: number, bytes: number): Uint8Array {
  return Buffer.alloc(
    bytes,
    Uint8Array.from({ length: PERIOD }, (_, at) => id * 31 + at * 7),
  )
}

function inverted(bytes: Uint8Array): Uint8Array {
  // Four at a time, as there are many of them.
  const copy = Uint8Array.from(bytes)
  const words = new Uint32Array(copy.buffer, 0, copy.byteLength >> 2)
  for (let at = 0; at < words.length; at++) words[at] = ~words[at]!
  for (let at = words.byteLength; at < copy.byteLength; at++) copy[at] = ~copy[at]!
  return copy
}
