/** Streams whose source, reader or surroundings misbehave: each call still ends once, each source is told, and nothing is left. */
import { currentCall, service, type Client, type WaybillError } from '@waybill/client'
import { FrameReader, FrameType, PACKET_HEADER_BYTES } from '@waybill/core'
import { harness, type Harness } from '@waybill/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

interface Odd {
  give(what: string): AsyncGenerator<unknown>
  take(stream: unknown): Promise<unknown>
  object(what: string): Promise<{ stream: AsyncIterable<unknown> }>
}

const odd = service<Odd>('Odd@1.0.0', { give: {}, take: {}, object: {} })

type Sources = Readonly<Record<string, () => unknown>>

async function stage(h: Harness, sources: Sources, terms: { concurrency?: number } = {}) {
  const worker = await h.client('worker')
  const give = (what: string): never => sources[what]!() as never
  const take = async (stream: unknown) => {
    const items: unknown[] = []
    for await (const item of stream as AsyncIterable<unknown>) items.push(item)
    return items
  }
  await worker.expose(service<Odd>('Odd@1.0.0', { give: {}, take: {}, object: {} }, terms), { give, take, object: give })
  const caller = await h.client('caller')
  return { worker, caller, proxy: caller.remote(odd) }
}

async function collected(stream: AsyncIterable<unknown>): Promise<{ items: unknown[]; code: string | undefined; message: string }> {
  const items: unknown[] = []
  try {
    for await (const item of stream) items.push(item)
    return { items, code: undefined, message: '' }
  } catch (error) {
    const { code, message } = error as WaybillError
    return { items, code, message }
  }
}

function idle(...clients: Client[]): void {
  for (const { name, pending } of clients) expect({ name, ...pending }).toMatchObject({ name, outgoing: 0, incoming: 0 })
}

const unhandled: unknown[] = []
const note = (reason: unknown): void => void unhandled.push(reason)
beforeEach(() => {
  unhandled.length = 0
  process.on('unhandledRejection', note)
})
afterEach(async () => {
  await new Promise((resolve) => setImmediate(resolve))
  process.off('unhandledRejection', note)
  expect(unhandled).toEqual([])
})

describe('a source', () => {
  test('whose step is no object', async () => {
    await using h = harness()
    const { proxy, worker, caller } = await stage(h, {
      async: () => ({ [Symbol.asyncIterator]: () => ({ next: async () => undefined }) }),
      sync: () => ({ [Symbol.asyncIterator]: () => ({ next: () => undefined }) }),
      none: () => ({ [Symbol.asyncIterator]: () => undefined }),
      throws: () => ({
        [Symbol.asyncIterator]: () => {
          throw new Error('not today')
        },
      }),
    })
    for (const what of ['async', 'sync', 'none', 'throws']) {
      expect(await collected(proxy.give(what))).toMatchObject({ items: [], code: 'RemoteException' })
      idle(worker, caller)
    }
    expect(await collected(proxy.take({ [Symbol.asyncIterator]: () => ({ next: async () => null }) }) as never)).toMatchObject({
      code: 'RemoteException',
    })
  })

  test('that settles a step twice is asked once', async () => {
    await using h = harness()
    let asked = 0
    const { proxy, worker } = await stage(h, {
      twice: () => ({
        [Symbol.asyncIterator]: () => ({
          next: () => ({
            then: (took: (step: unknown) => void) => {
              const step = { done: asked >= 3, value: asked++ }
              took(step)
              took(step)
            },
          }),
        }),
      }),
    })
    expect(await collected(proxy.give('twice'))).toMatchObject({ items: [0, 1, 2], code: undefined })
    idle(worker)
  })

  test('that is not asynchronous and gives promises: they are awaited, as for await does', async () => {
    await using h = harness()
    let ended = 0
    const { proxy, worker } = await stage(h, {
      *promises() {
        yield Promise.resolve(1)
        yield 2
        return Promise.resolve(3)
      },
      *broken() {
        try {
          yield Promise.resolve(1)
          yield Promise.reject(new Error('no'))
        } finally {
          ended++
        }
      },
    })
    const stream = (await proxy.give('promises')) as AsyncGenerator
    expect([await stream.next(), await stream.next(), await stream.next()].map(({ value }) => value)).toEqual([1, 2, 3])
    expect(await collected(proxy.give('broken'))).toMatchObject({ items: [1], message: 'no' })
    expect(ended).toBe(1)
    idle(worker)
  })

  test('that throws in its finally, or yields what rejects', async () => {
    await using h = harness()
    const { proxy, worker, caller } = await stage(h, {
      async *finally() {
        try {
          for (;;) yield 1
        } finally {
          // oxlint-disable-next-line no-unsafe-finally -- what users may do
          throw new Error('in the end')
        }
      },
      async *rejects() {
        yield 1
        yield Promise.reject(new Error('no'))
      },
    })
    for await (const item of proxy.give('finally')) if (item === 1) break
    await h.advance(1)
    idle(worker, caller)
    expect(await collected(proxy.give('rejects'))).toMatchObject({ items: [1], message: 'no' })
  })

  test('that never ends when it is told: its place stays taken, its reader goes on', async () => {
    await using h = harness()
    let release!: () => void
    const { proxy, worker, caller } = await stage(
      h,
      {
        hangs: () => ({
          [Symbol.asyncIterator]: () => ({
            next: async () => ({ done: false, value: 1 }),
            return: () => new Promise<void>((resolve) => (release = resolve)),
          }),
        }),
        async *fast() {
          yield 'fast'
        },
      },
      { concurrency: 1 },
    )
    for await (const item of proxy.give('hangs')) if (item === 1) break
    const next = collected(proxy.give.with({ timeout: '5m' })('fast'))
    await h.advance(40_000)
    expect(caller.pending.outgoing).toBe(1)
    expect(worker.pending.incoming).toBeGreaterThan(0)
    release()
    expect((await h.until(next)).items).toEqual(['fast'])
    idle(worker, caller)
  })

  test('without return, that is cancelled: one last word, and no timer', async () => {
    const words: number[] = []
    const frame = new FrameReader(2 ** 30)
    await using h = harness({
      tap: {
        sent: (_wire, from, packet) => {
          if (from.process.name !== 'worker' || packet[0] === 1) return
          frame.open(packet, PACKET_HEADER_BYTES)
          while (frame.next()) if (frame.type === FrameType.exception) words.push(frame.call)
        },
      },
    })
    const { proxy, worker } = await stage(h, {
      *endless() {
        for (;;) yield 1
      },
    })
    const call = proxy.give('endless')
    const stream = await call
    await call.cancel()
    expect((await collected(stream)).code).toBe('Cancelled')
    await h.advance(1000)
    expect(words).toHaveLength(1)
    idle(worker)
  })

  test('gives what cannot travel: it is told and has ended before the call does', async () => {
    await using h = harness()
    let running = 0
    let most = 0
    const { proxy, worker } = await stage(
      h,
      {
        async *functions() {
          most = Math.max(most, ++running)
          try {
            yield 1
            yield () => 1
          } finally {
            await new Promise((resolve) => setImmediate(resolve))
            running--
          }
        },
      },
      { concurrency: 1 },
    )
    const both = await Promise.all([collected(proxy.give('functions')), collected(proxy.give('functions'))])
    for (const one of both) expect(one).toMatchObject({ items: [1], code: 'NotRepresentable' })
    expect({ most, running }).toEqual({ most: 1, running: 0 })
    idle(worker)
  })

  test('item over the limit of a body', async () => {
    await using h = harness()
    let ended = false
    const { proxy, worker, caller } = await stage(h, {
      async *huge() {
        try {
          yield 1
          yield 'x'.repeat(9 * 1024 * 1024)
        } finally {
          ended = true
        }
      },
    })
    expect(await collected(proxy.give('huge'))).toMatchObject({ items: [1], code: 'TooLarge' })
    expect(ended).toBe(true)
    const sent = proxy.take(
      (async function* () {
        yield 'x'.repeat(9 * 1024 * 1024)
      })(),
    )
    await expect(sent).rejects.toThrow('limit')
    idle(worker, caller)
  })

  test('of bytes in one piece that is longer than any body, no further than there is credit', async () => {
    await using h = harness()
    const length = 20 * 1024 * 1024
    const bytes = (): ReadableStream =>
      new ReadableStream({
        type: 'bytes',
        start: (controller) => {
          controller.enqueue(new Uint8Array(length).fill(7))
          controller.close()
        },
      })
    const { proxy } = await stage(h, { bytes })
    const reader = ((await proxy.give('bytes')) as unknown as ReadableStream<Uint8Array>).getReader()
    let read = (await reader.read()).value!.byteLength
    await h.advance(100)
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) read += piece.value.byteLength
    expect(read).toBe(length)
  })

  test('a ReadableStream that errors, or that somebody locks meanwhile', async () => {
    await using h = harness()
    const locked = new ReadableStream()
    const { proxy, worker } = await stage(h, {
      errors: () =>
        new ReadableStream({
          start: (controller) => {
            controller.enqueue('a')
          },
          pull: (controller) => controller.error(new Error('dried up')),
        }),
      object: () => ({ stream: locked, late: undefined }),
    })
    expect((await collected(proxy.give('errors'))).message).toBe('dried up')
    const sent = new ReadableStream()
    const call = proxy.take(sent)
    sent.getReader()
    await expect(call).rejects.toThrow('lock')
    idle(worker)
  })

  test('in a result that cannot be sent, or that nobody waits for, is told', async () => {
    await using h = harness()
    const cancelled: string[] = []
    const source = (name: string): ReadableStream => new ReadableStream({ cancel: () => void cancelled.push(name) }, { highWaterMark: 0 })
    let go!: (value: unknown) => void
    const { proxy, worker } = await stage(h, {
      refused: () => ({ stream: source('refused'), not: () => 1 }),
      long: () => ({ stream: source('long'), text: 'x'.repeat(2_000_000) }),
      late: () => new Promise((resolve) => (go = resolve)),
    })
    await expect(proxy.object('refused')).rejects.toMatchObject({ code: 'NotRepresentable' })
    await expect(proxy.object('long')).rejects.toMatchObject({ code: 'TooLarge' })
    await expect(proxy.object.async('long')).resolves.toBeDefined()
    await h.advance(1)
    const call = proxy.object('late')
    const refused = expect(call).rejects.toMatchObject({ code: 'Cancelled' })
    await h.advance(1)
    await call.cancel()
    await h.advance(1000)
    await refused
    go({ stream: source('late') })
    await h.advance(1)
    await proxy.object.send('long')
    await h.advance(1)
    expect(cancelled).toEqual(['refused', 'long', 'long', 'late', 'long'])
    idle(worker)
  })
})

describe('a reader', () => {
  test('that stops a source which then hangs is not taken for one who waits', async () => {
    await using h = harness()
    const worker = await h.client('worker')
    await worker.expose(odd, {
      give: () => undefined as never,
      take: async (stream: unknown) => {
        for await (const item of stream as AsyncIterable<unknown>) if (item === 1) break
        await new Promise((_resolve, reject) => currentCall().signal.addEventListener('abort', reject))
      },
      object: () => undefined as never,
    })
    const caller = await h.client('caller')
    const call = caller.remote(odd).take({
      [Symbol.asyncIterator]: () => ({ next: async () => ({ done: false, value: 1 }), return: () => new Promise(() => {}) }),
    })
    const refused = expect(call).rejects.toMatchObject({ code: 'IdleTimeout' })
    await h.advance(35_000)
    await refused
  })

  test('keeps what the call no longer has: what arrived, then the error, then nothing; an ended call is not kept by it', async () => {
    await using h = harness()
    const { proxy, caller } = await stage(h, {
      async *endless() {
        for (let n = 0; ; n++) yield n
      },
    })
    const call = proxy.give('endless')
    const stream = await call
    await h.advance(1)
    await call.cancel()
    await h.advance(1000)
    const { items, code } = await collected(stream)
    expect({ count: items.length, code }).toEqual({ count: 256, code: 'Cancelled' })
    expect(await stream.next()).toEqual({ done: true, value: undefined })
    await stream.return(undefined)
    idle(caller)
  })

  test('whose failed call nobody looks at leaves no rejection behind', async () => {
    await using h = harness()
    const { proxy, worker } = await stage(h, {
      async *fails() {
        yield 1
        throw new Error('unseen')
      },
      readable: () => new ReadableStream({ pull: (controller) => controller.error(new Error('unseen')) }),
    })
    await proxy.give('fails')
    await proxy.give('readable')
    const asked = (await proxy.give('fails'))[Symbol.asyncIterator]()
    await asked.next()
    await h.advance(1)
    idle(worker)
    // Iterated, and never asked for anything.
    proxy.give('fails')[Symbol.asyncIterator]()
    await h.advance(1)
  })
})

describe('a stream', () => {
  test('passed on from another service: back-pressure, stop and failure pass through', async () => {
    await using h = harness()
    let made = 0
    let ended = 0
    const { worker } = await stage(h, {
      async *endless() {
        try {
          for (; ; made++) yield made
        } finally {
          ended++
        }
      },
      async *fails() {
        yield 1
        throw new Error('upstream')
      },
    })
    const middle = await h.client('middle')
    const upstream = middle.remote(odd)
    interface Relay {
      pass(what: string): AsyncGenerator<number>
    }
    const relay = service<Relay>('Relay@1.0.0', { pass: {} })
    await middle.expose(relay, { pass: (what) => upstream.give(what) as never })
    const caller = await h.client('reader')
    const stream = await caller.remote(relay).pass('endless')
    await h.advance(10)
    expect(made).toBeLessThan(700)
    const items: number[] = []
    for await (const item of stream) if (items.push(item) === 2000) break
    expect(items).toEqual(Array.from({ length: 2000 }, (_, n) => n))
    await h.advance(10)
    expect(ended).toBe(1)
    idle(worker, middle, caller)
    expect(await collected(caller.remote(relay).pass('fails'))).toMatchObject({ items: [1], message: 'upstream' })
    idle(worker, middle, caller)
  })

  test('the same one twice in a value is one; it may stand in a Map and a Set', async () => {
    await using h = harness()
    const numbers = async function* () {
      yield* [1, 2, 3]
    }
    const { proxy, worker } = await stage(h, {
      twice: () => {
        const stream = numbers()
        return { stream, again: stream, map: new Map([['a', numbers()]]), set: new Set([numbers()]) }
      },
    })
    const value = (await proxy.object('twice')) as unknown as Record<'stream' | 'again', AsyncGenerator> & {
      map: Map<string, AsyncGenerator>
      set: Set<AsyncGenerator>
    }
    expect(value.again).toBe(value.stream)
    for (const stream of [value.stream, value.map.get('a')!, [...value.set][0]!]) expect((await collected(stream)).items).toEqual([1, 2, 3])
    await h.advance(1)
    idle(worker)
  })

  test('takes a place of the concurrency until it ends, whatever way', async () => {
    await using h = harness()
    const { proxy, worker, caller } = await stage(
      h,
      {
        async *endless() {
          for (let n = 0; ; n++) yield n
        },
        async *fails() {
          yield 1
          throw new Error('no')
        },
        async *short() {
          yield 1
        },
      },
      { concurrency: 1 },
    )
    const first = await proxy.give('endless')
    const second = proxy.give('fails')
    const third = proxy.give('short')
    const fourth = proxy.give('endless')
    await h.advance(100)
    await first.return(undefined)
    expect((await h.until(collected(second))).items).toEqual([1])
    expect((await h.until(collected(third))).items).toEqual([1])
    const last = await h.until(fourth)
    await fourth.cancel()
    expect((await h.until(collected(last))).code).toBe('Cancelled')
    expect((await h.until(collected(proxy.give('short')))).items).toEqual([1])
    idle(worker, caller)
  })

  test('with an order key holds its turn until it ends', async () => {
    await using h = harness()
    const { proxy, worker } = await stage(h, {
      async *endless() {
        for (let n = 0; ; n++) yield n
      },
      async *short() {
        yield 1
      },
    })
    const first = await proxy.give.with({ orderKey: 'k' })('endless')
    let isSecond = false
    const second = collected(proxy.give.with({ orderKey: 'k' })('short')).then((all) => ((isSecond = true), all))
    await h.advance(100)
    expect(isSecond).toBe(false)
    await first.return(undefined)
    expect((await h.until(second)).items).toEqual([1])
    const third = proxy.give.with({ orderKey: 'k' })('endless')
    const stream = await third
    await third.cancel()
    expect((await h.until(collected(stream))).code).toBe('Cancelled')
    expect((await h.until(collected(proxy.give.with({ orderKey: 'k' })('short')))).items).toEqual([1])
    idle(worker)
  })

  test.each(['caller', 'worker'] as const)('is open while the %s closes: within drainMs, and both ends are told', async (who) => {
    await using h = harness()
    let ended = 0
    const stages = await stage(h, {
      async *endless() {
        try {
          for (let n = 0; ; n++) yield n
        } finally {
          ended++
        }
      },
    })
    const { proxy, worker, caller } = stages
    const stream = await proxy.give('endless')
    const taken: unknown[] = []
    const sent = proxy.take(
      (async function* () {
        try {
          for (;;) {
            taken.push(1)
            yield 1
            await h.processOf(caller).sleep(10)
          }
        } finally {
          ended++
        }
      })(),
    )
    const sentEnds = Promise.resolve(sent).then(
      () => 'result',
      (error: WaybillError) => error.code,
    )
    await h.advance(10)
    const startMs = h.world.nowMs
    await h.until(stages[who].close({ drainMs: 500 }))
    expect(h.world.nowMs - startMs).toBeLessThanOrEqual(1000)
    await h.advance(3000)
    expect(ended).toBe(2)
    expect((await collected(stream)).code).toBe(who === 'caller' ? 'Closed' : 'WorkerLost')
    expect(await sentEnds).toBe(who === 'caller' ? 'Closed' : 'WorkerLost')
    idle(worker, caller)
  })

  test('ends on both sides when the router starts again', async () => {
    await using h = harness()
    let ended = 0
    const { proxy, worker, caller } = await stage(h, {
      async *endless() {
        try {
          for (let n = 0; ; n++) yield n
        } finally {
          ended++
        }
      },
    })
    const stream = await proxy.give('endless')
    await h.advance(10)
    await h.restartRouter(100)
    await h.advance(10_000)
    expect((await collected(stream)).code).toBe('RouterLost')
    expect(ended).toBe(1)
    idle(worker, caller)
  })

  test('cannot stand in progress, in data, in an event', async () => {
    await using h = harness()
    const errors: unknown[] = []
    const none = (async function* () {
      yield 1
    })()
    const { proxy, caller } = await stage(h, {
      progress: () => {
        try {
          currentCall().progress({ total: 1, completed: 1, details: none })
        } catch (error) {
          errors.push((error as WaybillError).code)
        }
        return { stream: none }
      },
    })
    await (await proxy.object('progress')).stream[Symbol.asyncIterator]().return!(undefined)
    expect(errors).toEqual(['NotRepresentable'])
    await expect(Promise.resolve().then(() => proxy.object.with({ data: { none } as never })('progress'))).rejects.toThrow('not plain JSON')
    await expect(Promise.resolve().then(() => caller.publish('a.b', none))).rejects.toMatchObject({ code: 'NotRepresentable' })
  })

  test('of each instance is what a group gives; the one that nobody reads ends with the idle time', async () => {
    await using h = harness()
    let ended = 0
    const { proxy, worker, caller } = await stage(h, {
      async *endless() {
        try {
          for (let n = 0; ; n++) yield n
        } finally {
          ended++
        }
      },
    })
    const { results } = await proxy.give.all('endless')
    for await (const item of results.get('worker') as unknown as AsyncIterable<number>) if (item === 300) break
    await h.advance(1)
    expect(ended).toBe(1)
    await proxy.give.all('endless')
    await h.advance(35_000)
    expect(ended).toBe(2)
    idle(worker, caller)
  })
})
