/** What a caller is told of a call while it lives, and when nobody hears of its failure. */
import { currentCall, service, type WaybillError, type Call, type Outcome, type Status } from '@waybill/client'
import { FrameReader, FrameType } from '@waybill/core'
import { harness, type Harness, type HarnessOptions } from '@waybill/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

interface Dog {
  bark(): string
  walk(km: number): Promise<string>
  bite(): void
}
const dog = service<Dog>('Dog@1.0.0', { bark: {}, walk: {}, bite: {} })

async function kennel(options?: HarnessOptions): Promise<{ h: Harness; dog: ReturnType<typeof remoteDog> }> {
  const h = harness(options)
  const worker = await h.client('kennel', { onIncident: () => {} })
  const step = (): Promise<void> => h.processOf(worker).sleep(10)
  await worker.expose(dog, {
    bark: () => 'wau',
    walk: async (km) => {
      const call = currentCall()
      for (let completed = 1; completed <= km; completed++) {
        await step()
        call.progress({ total: km, completed, details: `km ${completed}` })
      }
      return 'home'
    },
    bite: () => {
      throw new Error('ouch')
    },
  })
  return { h, dog: remoteDog(await h.client('caller')) }
}

function remoteDog(client: Awaited<ReturnType<Harness['client']>>) {
  return client.remote(dog)
}

async function all<T>(call: Call<T>): Promise<(Status | Outcome<T>)[]> {
  const events: (Status | Outcome<T>)[] = []
  for await (const event of call.status()) events.push(event)
  return events
}

describe('the order of what is told', () => {
  test('accepted, started, progress, outcome', async () => {
    const { h, dog } = await kennel()
    await using _ = h
    expect(await h.until(all(dog.walk(2)))).toEqual([
      { kind: 'accepted' },
      { kind: 'started' },
      { kind: 'progress', total: 2, completed: 1, details: 'km 1' },
      { kind: 'progress', total: 2, completed: 2, details: 'km 2' },
      { kind: 'result', value: 'home' },
    ])
  })

  test('the same by events, each once and in order', async () => {
    const { h, dog } = await kennel()
    await using _ = h
    const heard: unknown[] = []
    const call = dog.walk(1)
    for (const event of ['accepted', 'started', 'progress', 'result', 'rejected', 'exception'] as const) {
      expect(call.on(event, (value: unknown) => heard.push([event, value]))).toBe(call)
    }
    expect(await h.until(call)).toBe('home')
    expect(heard).toEqual([
      ['accepted', undefined],
      ['started', undefined],
      ['progress', { total: 1, completed: 1, details: 'km 1' }],
      ['result', 'home'],
    ])
  })

  test('an exception ends it', async () => {
    const { h, dog } = await kennel()
    await using _ = h
    const events = await all(dog.bite())
    expect(events.map(({ kind }) => kind)).toEqual(['accepted', 'started', 'exception'])
    expect(events[2]).toMatchObject({ error: { code: 'RemoteException', message: 'ouch', executed: 'yes' } })
  })

  test('a refusal is rejected, and the promise has its error', async () => {
    const { h } = await kennel()
    await using _ = h
    const caller = await h.client('other')
    const call = caller.remote<Dog>('Cat').bark()
    expect(await all(call)).toEqual([{ kind: 'rejected', code: 'NoSuchService', description: 'nobody offers Cat' }])
    await expect(call).rejects.toMatchObject({ code: 'NoSuchService', executed: 'no' })
    const heard: string[] = []
    const again = caller.remote<Dog>('Cat').bark()
    void again
      .on('rejected', ({ code }) => heard.push(code))
      .on('exception', () => heard.push('exception'))
      .on('result', () => heard.push('result'))
    await again.catch(() => {})
    expect(heard).toEqual(['NoSuchService'])
  })

  test('nothing but the outcome travels when nobody listens', async () => {
    const types: number[] = []
    const frames = new FrameReader(2 ** 30)
    const tap = {
      sent: (_wire: unknown, _from: unknown, packet: Uint8Array) => {
        if (packet[0] === 1 && packet[1] === 0x6f) return
        frames.open(packet, 8)
        while (frames.next()) types.push(frames.type)
      },
    }
    const { h, dog } = await kennel({ tap })
    await using _ = h
    types.length = 0
    expect(await dog.bark()).toBe('wau')
    await h.advance(100)
    expect(types.filter((type) => type === FrameType.accepted || type === FrameType.started)).toEqual([])
    expect(types.filter((type) => type === FrameType.result)).toHaveLength(2)
    for await (const status of dog.bark().status()) void status
    expect(types.filter((type) => type === FrameType.accepted)).toHaveLength(2)
  })
})

describe('readers of status()', () => {
  test('several, each with everything', async () => {
    const { h, dog } = await kennel()
    await using _ = h
    const call = dog.walk(1)
    const [left, right] = await h.until(Promise.all([all(call), all(call)]))
    expect(left).toEqual(right)
    expect(left).toHaveLength(4)
  })

  test('after the end it gives the outcome', async () => {
    const { h, dog } = await kennel()
    await using _ = h
    const call = dog.bark()
    await call
    expect(await all(call)).toEqual([{ kind: 'result', value: 'wau' }])
  })

  test('asking ahead loses nothing', async () => {
    const { h, dog } = await kennel()
    await using _ = h
    const reader = dog.walk(1).status()
    const asked = Array.from({ length: 6 }, () => reader.next())
    const answers = await h.until(Promise.all(asked))
    expect(answers.map(({ done, value }) => (done === true ? 'done' : (value as Status).kind))).toEqual([
      'accepted',
      'started',
      'progress',
      'result',
      'done',
      'done',
    ])
  })

  test('a slow reader gets the last progress only', async () => {
    const { h, dog } = await kennel()
    await using _ = h
    const call = dog.walk(50)
    const reader = call.status()
    await h.until(call)
    const rest: (Status | Outcome<string>)[] = []
    for await (const event of reader) rest.push(event)
    expect(rest.map(({ kind }) => kind)).toEqual(['accepted', 'started', 'progress', 'result'])
    expect(rest[2]).toMatchObject({ completed: 50 })
  })

  test('leaving early leaves the call alone', async () => {
    const { h, dog } = await kennel()
    await using _ = h
    const call = dog.walk(3)
    for await (const event of call.status()) if (event.kind === 'accepted') break
    expect(await h.until(call)).toBe('home')
  })

  test('a listener that throws harms neither the call nor other listeners', async () => {
    const { h, dog } = await kennel()
    await using _ = h
    const thrown: unknown[] = []
    const before = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.on('uncaughtException', (error) => thrown.push(error))
    try {
      let heard = 0
      const call = dog.bark()
      void call.on('result', () => {
        throw new Error('mine')
      })
      void call.on('result', () => heard++)
      expect(await call).toBe('wau')
      await h.advance(1)
      expect(heard).toBe(1)
      expect(thrown).toEqual([new Error('mine')])
    } finally {
      process.removeAllListeners('uncaughtException')
      for (const listener of before) process.on('uncaughtException', listener)
    }
  })
})

describe('failures that nobody hears of', () => {
  const unhandled: unknown[] = []
  let before: NodeJS.UnhandledRejectionListener[]
  const note = (reason: unknown): void => void unhandled.push(reason)
  beforeEach(() => {
    unhandled.length = 0
    before = process.listeners('unhandledRejection')
    process.removeAllListeners('unhandledRejection')
    process.on('unhandledRejection', note)
  })
  afterEach(() => {
    process.removeAllListeners('unhandledRejection')
    for (const listener of before) process.on('unhandledRejection', listener)
  })
  const reported = async (h: Harness): Promise<string[]> => {
    await h.advance(50)
    await new Promise((resolve) => setImmediate(resolve))
    return unhandled.map((reason) => (reason as WaybillError).code)
  }

  test('a floating call is reported, once', async () => {
    const { h, dog } = await kennel()
    await using _ = h
    void dog.bite()
    expect(await reported(h)).toEqual(['RemoteException'])
  })

  test('a floating call that was never sent is reported as well', async () => {
    const { h } = await kennel()
    await using _ = h
    const caller = await h.client('other')
    void caller.remote<Dog>('Dog', { data: 1n }).bark()
    void caller.remote<{ bark(fn: unknown): void }>('Dog').bark(Symbol('x'))
    expect(await reported(h)).toEqual(['NotRepresentable', 'NotRepresentable'])
  })

  const seen: readonly [string, (call: Call<unknown>) => unknown][] = [
    ['status()', (call) => call.status()],
    ['on exception', (call) => call.on('exception', () => {})],
    ['on rejected', (call) => call.on('rejected', () => {})],
    ['catch', (call) => call.catch(() => {})],
    ['allSettled', (call) => Promise.allSettled([call])],
  ]
  test.each(seen)('%s marks it as seen', async (_what, see) => {
    const { h, dog } = await kennel()
    await using _ = h
    see(dog.bite())
    expect(await reported(h)).toEqual([])
  })

  const unseen: readonly [string, (call: Call<unknown>) => unknown][] = [
    ['on result', (call) => call.on('result', () => {})],
    ['on progress', (call) => call.on('progress', () => {})],
    ['cancel', (call) => call.cancel()],
    ['sn', (call) => call.sn],
  ]
  test.each(unseen)('%s does not', async (_what, look) => {
    const { h, dog } = await kennel()
    await using _ = h
    look(dog.bite())
    expect(await reported(h)).toHaveLength(1)
  })

  test('a derived promise is the user’s own affair', async () => {
    const { h, dog } = await kennel()
    await using _ = h
    void dog.bite().then(() => {})
    expect(await reported(h)).toEqual(['RemoteException'])
  })
})
