/** Streams: both directions, several at once, how they end, and that nothing is left of them. */
import { currentCall, service, type WaybillError } from '@waybill/client'
import { harness, type Harness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'

class Wet extends Error {
  override name = 'Wet'
}

class Nose {
  stopped = 0
  made = 0

  async *smells(count: number, size = 1): AsyncGenerator<string, number> {
    try {
      for (let n = 0; n < count; n++) {
        this.made++
        yield 'x'.repeat(size - 1) + (n % 10)
      }
      return count
    } finally {
      this.stopped++
    }
  }

  *steps(count: number): Generator<number> {
    for (let n = 0; n < count; n++) yield n
  }

  async *tires(after: number): AsyncGenerator<number> {
    for (let n = 0; n < after; n++) yield n
    throw new Wet('tired')
  }

  async total(numbers: AsyncIterable<number>): Promise<number> {
    let total = 0
    for await (const number of numbers) total += number
    return total
  }

  async first(numbers: AsyncIterable<number>): Promise<number | undefined> {
    for await (const number of numbers) return number
    return undefined
  }

  async *doubled(numbers: AsyncIterable<number>): AsyncGenerator<number> {
    for await (const number of numbers) yield number * 2
  }

  bytes(length: number): ReadableStream<Uint8Array> {
    let sent = 0
    return new ReadableStream({
      type: 'bytes',
      pull: (controller) => {
        const piece = Math.min(100_000, length - sent)
        if (piece === 0) return controller.close()
        controller.enqueue(new Uint8Array(piece).fill(sent % 251))
        sent += piece
      },
    })
  }

  async pair(left: AsyncIterable<string>, right: ReadableStream<string>) {
    return { left: echo(left), right, name: 'both' }
  }
}

async function* echo<T>(source: AsyncIterable<T>): AsyncGenerator<T> {
  yield* source
}

async function* count(to: number): AsyncGenerator<number> {
  for (let n = 0; n < to; n++) yield n
}

const nose = service<Nose>('Nose@1.0.0', {
  smells: {},
  steps: {},
  tires: { errors: [Wet] },
  total: {},
  first: {},
  doubled: {},
  bytes: {},
  pair: {},
})

async function stage(h: Harness) {
  const worker = await h.client('worker')
  const dog = new Nose()
  await worker.expose(nose, dog)
  const caller = await h.client('caller')
  return { h, worker, caller, dog, proxy: caller.remote(nose) }
}

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of stream) items.push(item)
  return items
}

async function collected<T>(stream: AsyncIterable<T>): Promise<{ items: T[]; error: unknown }> {
  const items: T[] = []
  try {
    for await (const item of stream) items.push(item)
    return { items, error: undefined }
  } catch (error) {
    return { items, error }
  }
}

describe('a stream out', () => {
  test('is iterated on the call, or on what the call resolves to', async () => {
    await using h = harness()
    const { proxy } = await stage(h)
    expect(await all(proxy.smells(3))).toEqual(['0', '1', '2'])
    const stream = await proxy.smells(2)
    expect(await all(stream)).toEqual(['0', '1'])
    expect(await all(proxy.steps(3))).toEqual([0, 1, 2])
    expect(await all(proxy.smells(0))).toEqual([])
  })

  test('ends with what the generator returned, once', async () => {
    await using h = harness()
    const { proxy } = await stage(h)
    const stream = await proxy.smells(1)
    expect(await stream.next()).toEqual({ done: false, value: '0' })
    expect(await stream.next()).toEqual({ done: true, value: 1 })
    expect(await stream.next()).toEqual({ done: true, value: undefined })
  })

  test('items come before the exception, which keeps its class; the call tells of it too', async () => {
    await using h = harness()
    const { proxy } = await stage(h)
    const call = proxy.tires(2)
    const heard: string[] = []
    const told = call.on('exception', (error) => heard.push(error.message)).on('result', () => heard.push('result'))
    const { items, error } = await collected(await told)
    expect(items).toEqual([0, 1])
    expect(error).toBeInstanceOf(Wet)
    expect(heard).toEqual(['tired'])
  })

  test('break ends the generator, and its finally runs', async () => {
    await using h = harness()
    const { proxy, dog, worker, caller } = await stage(h)
    for await (const smell of proxy.smells(1_000_000)) if (smell === '3') break
    await h.advance(1)
    expect(dog.stopped).toBe(1)
    expect(worker.pending.incoming + caller.pending.outgoing).toBe(0)
  })

  test('a generator that waits is told by the signal when its reader has gone', async () => {
    await using h = harness()
    const worker = await h.client('worker')
    const told: unknown[] = []
    interface Slow {
      drips(): AsyncGenerator<number>
    }
    const slow = service<Slow>('Slow@1.0.0', { drips: {} })
    await worker.expose(slow, {
      async *drips() {
        const { signal } = currentCall()
        yield 1
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        told.push((signal.reason as WaybillError).code)
      },
    })
    const stream = await (await h.client('caller')).remote(slow).drips()
    await stream.next()
    await stream.return(undefined)
    await h.advance(1)
    expect(told).toEqual(['Cancelled'])
    expect(worker.pending.incoming).toBe(0)
  })

  test('the sender runs no further ahead than the credit', async () => {
    await using h = harness()
    const { proxy, dog } = await stage(h)
    const stream = await proxy.smells(1_000_000)
    await h.advance(10)
    expect(dog.made).toBe(256)
    for (let n = 0; n < 128; n++) await stream.next()
    await h.advance(10)
    expect(dog.made).toBe(256 + 128)
    await stream.return(0)
    await h.advance(1)
    expect(dog.stopped).toBe(1)
  })

  test('large items are joined, and cost what they weigh', async () => {
    await using h = harness()
    const { proxy, dog } = await stage(h)
    const items = await all(proxy.smells(5, 700_000))
    expect(items.map((item) => item.length)).toEqual([700_000, 700_000, 700_000, 700_000, 700_000])
    const stream = await proxy.smells(100, 300_000)
    await h.advance(10)
    expect(dog.made).toBe(6)
    await stream.return(0)
  })

  test('several next() at once are answered in order', async () => {
    await using h = harness()
    const { proxy } = await stage(h)
    const stream = await proxy.smells(2)
    const readings = await Promise.all([stream.next(), stream.next(), stream.next(), stream.next()])
    expect(readings.map(({ value }) => value)).toEqual(['0', '1', 2, undefined])
  })
})

describe('a stream of bytes', () => {
  test('arrives as a ReadableStream of bytes, whole and in order', async () => {
    await using h = harness()
    const { proxy } = await stage(h)
    const stream = await proxy.bytes(1_000_000)
    expect(stream).toBeInstanceOf(ReadableStream)
    const reader = stream.getReader({ mode: 'byob' })
    let length = 0
    for (;;) {
      const { done, value } = await reader.read(new Uint8Array(50_000))
      if (done) break
      expect(value[0]).toBe((length - (length % 100_000)) % 251)
      length += value.byteLength
    }
    expect(length).toBe(1_000_000)
  })

  test('cancel stops its source', async () => {
    await using h = harness()
    const { proxy, worker } = await stage(h)
    const stream = await proxy.bytes(100_000_000)
    await stream.cancel()
    await h.advance(1)
    expect(worker.pending.incoming).toBe(0)
  })
})

describe('a stream in', () => {
  test('is read by the method', async () => {
    await using h = harness()
    const { proxy } = await stage(h)
    expect(await proxy.total(count(1000))).toBe(499_500)
  })

  test('is not begun before somebody reads it, and is ended when the method has enough', async () => {
    await using h = harness()
    const { proxy, caller } = await stage(h)
    let made = 0
    let ended = false
    async function* source() {
      try {
        for (;;) yield made++
      } finally {
        ended = true
      }
    }
    expect(await proxy.first(source())).toBe(0)
    await h.advance(1)
    expect({ ended, pending: caller.pending.outgoing }).toEqual({ ended: true, pending: 0 })
    expect(made).toBeLessThan(300)
  })

  test('what its source throws is thrown where it is read', async () => {
    await using h = harness()
    const { proxy } = await stage(h)
    async function* source() {
      yield 1
      throw new Error('no more water')
    }
    await expect(proxy.total(source())).rejects.toThrow('no more water')
  })

  test('in and out in one call, item for item', async () => {
    await using h = harness()
    const { proxy } = await stage(h)
    expect(await all(proxy.doubled(count(600)))).toEqual(Array.from({ length: 600 }, (_, n) => n * 2))
  })

  test('several at once, in a value beside others', async () => {
    await using h = harness()
    const { proxy } = await stage(h)
    async function* words() {
      yield 'a'
      yield 'b'
    }
    const right = new ReadableStream<string>({
      start: (controller) => {
        for (const word of ['c', 'd', 'e']) controller.enqueue(word)
        controller.close()
      },
    })
    const answer = await proxy.pair(words(), right)
    expect(answer.name).toBe('both')
    const [left, other] = await Promise.all([all(answer.left), all(answer.right as unknown as AsyncIterable<string>)])
    expect({ left, other }).toEqual({ left: ['a', 'b'], other: ['c', 'd', 'e'] })
  })
})

describe('what ends a stream from outside', () => {
  test('cancel: the reader hears it, the generator is ended', async () => {
    await using h = harness()
    const { proxy, dog, worker } = await stage(h)
    const call = proxy.smells(1_000_000)
    const stream = await call
    await stream.next()
    await call.cancel()
    const { error } = await collected(stream)
    expect(error).toMatchObject({ code: 'Cancelled' })
    await h.advance(1)
    expect({ stopped: dog.stopped, pending: worker.pending.incoming }).toEqual({ stopped: 1, pending: 0 })
  })

  test('the worker is lost: what arrived is read, then WorkerLost', async () => {
    await using h = harness()
    const { proxy, worker } = await stage(h)
    const stream = await proxy.smells(1_000_000)
    await h.advance(1)
    h.kill(worker)
    await h.advance(2000)
    const { items, error } = await collected(stream)
    expect(items).toHaveLength(256)
    expect(error).toMatchObject({ code: 'WorkerLost', executed: 'maybe' })
  })

  test('the caller is lost: the generator is ended', async () => {
    await using h = harness()
    const { proxy, dog, caller } = await stage(h)
    await proxy.smells(1_000_000)
    h.kill(caller)
    await h.advance(2000)
    expect(dog.stopped).toBe(1)
  })

  test('a broken link is mended, and no item is lost or doubled', async () => {
    await using h = harness()
    const { proxy, worker, caller } = await stage(h)
    const items: number[] = []
    for await (const item of proxy.doubled(count(2000))) {
      items.push(item)
      if (items.length % 700 === 0) h.network.cut(h.processOf(items.length % 1400 === 0 ? worker : caller))
      if (items.length % 100 === 0) await h.advance(20)
    }
    expect(items).toEqual(Array.from({ length: 2000 }, (_, n) => n * 2))
  })

  test('no deadline but the one that was asked for; the idle time counts what is heard', async () => {
    await using h = harness()
    const worker = await h.client('worker')
    const sleep = (ms: number): Promise<void> => h.processOf(worker).sleep(ms)
    interface Clock {
      ticks(everyMs: number): AsyncGenerator<number>
    }
    const clock = service<Clock>('Clock@1.0.0', { ticks: {} })
    await worker.expose(clock, {
      async *ticks(everyMs) {
        for (let n = 0; ; n++) {
          await sleep(everyMs)
          yield n
        }
      },
    })
    const proxy = (await h.client('caller')).remote(clock)
    const stream = await proxy.ticks(20_000)
    for (let n = 0; n < 40; n++) expect(await h.until(stream.next())).toEqual({ done: false, value: n })
    await stream.return(undefined)
    await h.advance(20_000)
    const timed = await proxy.ticks.with({ deadline: '1m' })(25_000)
    expect((await h.until(collected(timed))).error).toMatchObject({ code: 'DeadlineExceeded' })
    const silent = await proxy.ticks(100_000)
    expect((await h.until(collected(silent))).error).toMatchObject({ code: 'IdleTimeout' })
    await h.advance(100_000)
  })

  test('a reader who takes his time is waited for', async () => {
    await using h = harness()
    const { proxy } = await stage(h)
    const stream = await proxy.smells(1000)
    await stream.next()
    await h.advance(3_600_000)
    expect((await collected(stream)).items).toHaveLength(999)
  })

  test('a stream that nobody ever reads ends with the idle time', async () => {
    await using h = harness()
    const { proxy, dog } = await stage(h)
    await proxy.smells(1000)
    await h.advance(31_000)
    expect(dog.stopped).toBe(1)
  })
})

describe('where no stream can go', () => {
  test('stored, one-way, inside an item, locked', async () => {
    await using h = harness()
    const { proxy } = await stage(h)
    await expect(proxy.total.async(count(3))).rejects.toMatchObject({ code: 'NotStorable', executed: 'no' })
    const receipt = await proxy.smells.async(3)
    await expect(receipt.result()).rejects.toMatchObject({ code: 'NotStorable', executed: 'no' })
    await expect(proxy.total.send(count(3))).rejects.toMatchObject({ code: 'NotRepresentable', executed: 'no' })
    await expect(proxy.total.all(count(3))).rejects.toMatchObject({ code: 'NotRepresentable' })
    async function* nested() {
      yield count(3) as unknown as number
    }
    await expect(proxy.total(nested())).rejects.toThrow('streams travel in the arguments and in the result of a live call')
    const locked = new ReadableStream<string>()
    locked.getReader()
    await expect(proxy.pair(echo([] as unknown as AsyncIterable<string>), locked)).rejects.toMatchObject({
      code: 'NotRepresentable',
      executed: 'no',
    })
  })

  test('iterating what is no stream says so', async () => {
    await using h = harness()
    const { proxy } = await stage(h)
    const call = proxy.total(count(3)) as unknown as AsyncIterable<unknown>
    expect((await collected(call)).error).toMatchObject({ code: 'BadResult', executed: 'yes' })
  })
})
