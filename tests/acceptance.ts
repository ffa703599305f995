/**
 * What must hold on every door of the router, whatever its bytes go through: the checks, and the suite that runs them. A door says how two clients get
 * in; a weather, what happens to what they send. What is new on the wire gets its check here, and so is tried everywhere.
 */
import { currentCall, RemoteException, service, type Client, type WaybillError } from '@waybill/client'
import { Seeded } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'
import type { Cut } from './fixtures/byte-proxy.js'

export const weathers = ['clean', 'slow', 'one byte at a time', 'cut anywhere'] as const
export type Weather = (typeof weathers)[number]

/** A router behind one kind of door, in one weather. */
export interface Place extends AsyncDisposable {
  /** A client that gets in there. Its first link breaks at the cut. */
  client(name: string, cut?: Cut): Promise<Client>
  /** How many links were cut. */
  readonly cuts: number
}

export interface Door {
  readonly name: string
  readonly weathers: readonly Weather[]
  open(weather: Weather): Promise<Place>
}

interface Stage {
  readonly caller: Client
  readonly worker: Client
  /** Of a large body: many frames where the weather lets them through. */
  readonly bodyBytes: number
}

interface Trial {
  note(number: number): number
  refuse(word: string): void
  walk(steps: number): Promise<string>
  sleep(): Promise<void>
  reverse(bytes: Uint8Array): Uint8Array
  count(to: number): AsyncGenerator<number, string>
  fails(after: number): AsyncGenerator<number>
  doubled(numbers: AsyncIterable<number>): AsyncGenerator<number>
  copy(bytes: ReadableStream<Uint8Array>): ReadableStream<Uint8Array>
}
const methods = { note: {}, refuse: {}, walk: {}, sleep: {}, reverse: {}, count: {}, fails: {}, doubled: {}, copy: {} }
const trial = service<Trial>('Trial@1.0.0', methods)

const numbers = (count: number): number[] => Array.from({ length: count }, (_, number) => number)
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

interface Seen {
  readonly notes: number[]
  slept: 'not yet' | 'sleeping' | 'cancelled'
}

async function offer(worker: Client): Promise<Seen> {
  const seen: Seen = { notes: [], slept: 'not yet' }
  await worker.expose(trial, {
    note: (number) => {
      seen.notes.push(number)
      return number + 1
    },
    refuse: (word) => {
      throw new RangeError(word)
    },
    walk: async (steps) => {
      const call = currentCall()
      for (let completed = 1; completed <= steps; completed++) {
        call.progress({ total: steps, completed })
        await turn()
      }
      return 'home'
    },
    sleep: () => {
      const { signal } = currentCall()
      seen.slept = 'sleeping'
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          seen.slept = 'cancelled'
          reject(signal.reason as Error)
        })
      })
    },
    async *count(to) {
      for (let number = 0; number < to; number++) yield number
      return 'that is all'
    },
    async *fails(after) {
      for (const number of numbers(after)) yield number
      throw new RangeError('enough')
    },
    async *doubled(given) {
      for await (const number of given) yield 2 * number
    },
    copy: (bytes) => bytes,
    reverse: (bytes) => bytes.toReversed(),
  })
  return seen
}

type Check = (stage: Stage) => Promise<void>

/** Each has both clients for itself. */
export const checks: Readonly<Record<string, Check>> = {
  'calls run once and in order': async ({ caller, worker }) => {
    const seen = await offer(worker)
    const remote = caller.remote(trial)
    const results: Promise<number>[] = []
    for (const number of numbers(24)) {
      results.push(remote.note(number))
      if (number % 3 === 2) await turn()
    }
    expect(await Promise.all(results)).toEqual(numbers(24).map((number) => number + 1))
    expect(seen.notes).toEqual(numbers(24))
  },

  'an exception reaches its caller': async ({ caller, worker }) => {
    await offer(worker)
    const remote = caller.remote(trial)
    const thrown = await Promise.all(numbers(4).map((number) => remote.refuse(`no ${number}`).catch((error: unknown) => error)))
    for (const error of thrown) {
      expect(error).toBeInstanceOf(RemoteException)
      expect(error).toMatchObject({ executed: 'yes', message: expect.stringMatching(/^no \d$/) as string })
    }
  },

  'progress comes once, in order and before the result': async ({ caller, worker }) => {
    await offer(worker)
    const heard: unknown[] = []
    const call = caller.remote(trial).walk(12)
    for (const kind of ['accepted', 'started', 'result'] as const) void call.on(kind, () => heard.push(kind))
    void call.on('progress', ({ completed }) => heard.push(completed))
    expect(await call).toBe('home')
    expect(heard).toEqual(['accepted', 'started', ...numbers(12).map((number) => number + 1), 'result'])
  },

  'a cancel reaches the method': async ({ caller, worker }) => {
    const seen = await offer(worker)
    const call = caller.remote(trial).sleep()
    await new Promise((resolve) => void call.on('started', () => resolve(undefined)))
    const ended = call.catch(({ code }: WaybillError) => code)
    await call.cancel('enough')
    expect(await ended).toBe('Cancelled')
    expect(seen.slept).toBe('cancelled')
  },

  'a body of many frames arrives whole, both ways, beside small ones': async ({ caller, worker, bodyBytes }) => {
    const seen = await offer(worker)
    const remote = caller.remote(trial)
    const bytes = new Uint8Array(bodyBytes).map((_, index) => (index * 31) % 251)
    const [reversed, noted, second] = await Promise.all([remote.reverse(bytes), remote.note(1), remote.reverse(bytes.subarray(1))])
    expect(Buffer.from(reversed).equals(bytes.toReversed())).toBe(true)
    expect(Buffer.from(second).equals(bytes.subarray(1).toReversed())).toBe(true)
    expect([noted, seen.notes]).toEqual([2, [1]])
  },

  'events come once, in order and without a gap': async ({ caller, worker }) => {
    const events = worker.events<number>('trial.*')
    await events.ready
    for (const number of numbers(24)) {
      // Nothing is kept for a router that is away, so the publisher waits for it.
      while (!caller.isConnected) await turn()
      await caller.publish('trial.noted', number)
      if (number % 5 === 4) await turn()
    }
    const heard: unknown[] = []
    for (const _ of numbers(24)) {
      const { value } = await events.next()
      heard.push(value?.kind === 'event' ? value.value : value)
    }
    expect(heard).toEqual(numbers(24))
  },

  'a stream: items in order, what the generator returned, and what it threw behind its items': async ({ caller, worker }) => {
    await offer(worker)
    const { count, fails } = caller.remote(trial)
    const stream = await count(40)
    const read: unknown[] = []
    for (let step = await stream.next(); ; step = await stream.next()) {
      read.push(step.value)
      if (step.done) break
    }
    expect(read).toEqual([...numbers(40), 'that is all'])
    const before: number[] = []
    const failing = (async () => {
      for await (const number of fails(5)) before.push(number)
    })()
    await expect(failing).rejects.toMatchObject({ message: 'enough' })
    expect(before).toEqual(numbers(5))
  },

  'streams both ways at once, and bytes': async ({ caller, worker, bodyBytes }) => {
    await offer(worker)
    const { doubled, copy } = caller.remote(trial)
    async function* given() {
      yield* numbers(60)
    }
    const read: number[] = []
    for await (const number of doubled(given())) read.push(number)
    expect(read).toEqual(numbers(60).map((number) => 2 * number))
    const bytes = Uint8Array.from({ length: bodyBytes }, (_, at) => (at * 7) & 0xff)
    const source = new ReadableStream<Uint8Array>({
      start: (controller) => {
        controller.enqueue(bytes.slice())
        controller.close()
      },
    })
    const pieces: Uint8Array[] = []
    for await (const piece of (await copy(source)) as unknown as AsyncIterable<Uint8Array>) pieces.push(piece)
    expect(Buffer.compare(Buffer.concat(pieces), bytes)).toBe(0)
  },

  'a stream that is broken off ends on both sides': async ({ caller, worker }) => {
    await offer(worker)
    for await (const number of caller.remote(trial).count(1_000_000)) if (number === 3) break
    while (worker.pending.incoming > 0 || caller.pending.outgoing > 0) await turn()
  },
}

const directions = ['up', 'down'] as const
const roles = ['caller', 'worker'] as const
const random = new Seeded(24111602)

/** Each place once with either client, in an order of chance, dealt out over the checks. */
const cutCases: readonly { readonly role: (typeof roles)[number]; readonly cut: Cut }[] = roles
  .flatMap((role) =>
    directions.flatMap((direction) => [
      ...[1, 2, 3].flatMap((message) => [-1, 0, 1].map((delta) => ({ place: random.next(), role, cut: { direction, message, delta } }))),
      ...Array.from({ length: 3 }, () => ({ place: random.next(), role, cut: { direction, offset: random.whole(1, 400) } })),
    ]),
  )
  .toSorted((left, right) => left.place - right.place)

export function acceptance(door: Door): void {
  const whole = door.weathers.filter((weather) => weather !== 'cut anywhere')
  describe.each(whole)(`${door.name}, %s`, (weather) => {
    test.each(Object.entries(checks))('%s', async (_name, check) => {
      await using place = await door.open(weather)
      const bodyBytes = weather === 'one byte at a time' ? 1500 : 100_000
      await check({ worker: await place.client('worker'), caller: await place.client('caller'), bodyBytes })
    })
  })

  describe(`${door.name}, cut anywhere`, () => {
    let planned = 0
    let cuts = 0
    test.each(Object.entries(checks).map(([name, check], index) => ({ name, check, index })))('$name', async ({ check, index, name }) => {
      await using place = await door.open('cut anywhere')
      for (const [number, { role, cut }] of cutCases.entries()) {
        if (number % Object.keys(checks).length !== index) continue
        planned++
        const worker = await place.client(`worker-${number}`, role === 'worker' ? cut : undefined)
        const caller = await place.client(`caller-${number}`, role === 'caller' ? cut : undefined)
        await check({ worker, caller, bodyBytes: 8000 }).catch((error: unknown) => {
          throw new Error(`${name}, ${role} ${JSON.stringify(cut)}`, { cause: error })
        })
        await Promise.all([worker, caller].map((client) => client.close({ drainMs: 0 })))
      }
      cuts += place.cuts
    })
    // Where a check needed fewer messages than a cut asks for, nothing was cut; how many it needs is a matter of timing.
    test('most cuts were made', () => expect(cuts / planned).toBeGreaterThan(0.6))
  })
}
