/** What a callee does with stored calls when its session is lost: it keeps them, and what was said of them last, until the router has that for good. */
import { currentCall, service } from '@waybill/client'
import { executedFlag, Flag, FrameType, readIds, serialBytes, Tag, writeAddressees, writeIds } from '@waybill/core'
import { describe, expect, test } from 'vitest'
import { CALLER, CLIENT, Stage, type CallParts, type Said, type StageOptions } from './callee-stage.js'

interface Work {
  hold(name: string): Promise<unknown>
  fail(): void
  mark(name: string): string
  long(bytes: number): Promise<string>
}
const work = service<Work>('Work@1.0.0', { hold: { concurrency: 2 }, fail: {}, mark: {}, long: {} })

/** The caller's symbol in the second session. */
const AGAIN = 0x100077
const features = ['leases']

function leaseOf(n: number): string {
  return `1ea5e000-0000-0000-0000-${n.toString(16).padStart(12, '0')}`
}

/** What a call has that the router hands over with the lease. */
function leased(n: number, parts: CallParts = {}): CallParts {
  return {
    ...parts,
    flags: Flag.durable | Flag.statusesWanted,
    fields: {
      [Tag.sn]: serialBytes(`018f3c1e-7a00-8dea-b6fb-bc00${n.toString(16).padStart(8, '0')}`),
      [Tag.lease]: serialBytes(leaseOf(n)),
      ...parts.fields,
    },
  }
}

async function worker(options: StageOptions = { features }) {
  const stage = await Stage.open(options)
  const log: string[] = []
  const going = new Map<string, (value: unknown) => void>()
  await stage.client.expose(work, {
    hold: async (name) => {
      const { signal, progress } = currentCall()
      log.push(`${name} begins`)
      signal.addEventListener('abort', () => log.push(`${name} aborted: ${(signal.reason as { code: string }).code}`))
      const value = await new Promise((resolve) => going.set(name, resolve))
      progress({ total: 1, completed: 1 })
      log.push(`${name} ends`)
      return value
    },
    fail: () => {
      throw new RangeError('ouch')
    },
    mark: (name) => {
      log.push(name)
      return name
    },
    long: async (bytes) => 'x'.repeat(bytes),
  })
  const release = async (name: string, value: unknown = name): Promise<void> => {
    going.get(name)!(value)
    await stage.world.advance(0)
  }
  return { stage, log, release }
}

/** The leases that the client named first in this session. */
function named(stage: Stage): string[] {
  const asked = stage.said.filter(({ type }) => type === FrameType.holds)
  stage.said.splice(0, stage.said.length, ...stage.said.filter(({ type }) => type !== FrameType.holds))
  expect(asked.length).toBeGreaterThan(0)
  expect(stage.heard.slice(0, asked.length)).toEqual(asked.map(() => FrameType.holds))
  return asked.flatMap(({ value }) => (value === undefined ? [] : readIds(value as Uint8Array)))
}

/** The router's answer: numbers that calls have from now on, 0 for what is no longer this client's. */
async function answer(stage: Stage, ...numbers: readonly number[]): Promise<void> {
  const addressees = numbers.map((call) => ({ source: call === 0 ? 0 : AGAIN, call }))
  stage.send({ type: FrameType.held, destination: CLIENT }, [], writeAddressees(addressees))
  await stage.world.advance(0)
}

async function keep(stage: Stage, ...numbers: readonly number[]): Promise<void> {
  stage.send({ type: FrameType.kept, destination: CLIENT }, [], writeIds(numbers.map(leaseOf)))
  await stage.world.advance(0)
}

const types = (said: readonly Said[]): number[] => said.map(({ type }) => type)
const { accepted, started, progress, result, exception, rejected } = FrameType

describe('a session is lost while a stored call runs', () => {
  test('it goes on, and what it says later goes where the router says', async () => {
    const { stage, log, release } = await worker()
    await using _ = stage
    const call = stage.call('hold', ['a'], leased(1))
    expect(types(await stage.about(call))).toEqual([accepted, started])
    await stage.lose()
    expect(named(stage)).toEqual([leaseOf(1)])
    await answer(stage, 70)
    await release('a')
    const said = await stage.about(70)
    expect(said).toMatchObject([
      { type: progress, destination: AGAIN },
      { type: result, destination: AGAIN, value: 'a' },
    ])
    expect(await stage.about(call)).toEqual([])
    expect(log).toEqual(['a begins', 'a ends'])
  })

  test('it ends meanwhile: its progress is dropped, its result waits until it is known to whom', async () => {
    const { stage, release } = await worker()
    await using _ = stage
    await stage.about(stage.call('hold', ['a'], leased(1, { fields: { [Tag.data]: { mine: true } } })))
    await stage.leave()
    await release('a', { big: 'y'.repeat(3000) })
    expect(stage.client.pending.incoming).toBe(0)
    await stage.back()
    expect(named(stage)).toEqual([leaseOf(1)])
    expect(stage.said).toEqual([])
    await answer(stage, 70)
    const said = await stage.about(70)
    expect(said).toMatchObject([{ type: result, destination: AGAIN, value: { big: 'y'.repeat(3000) } }])
    expect(said[0]!.extensionBytes).toBe('{"mine":true}'.length + 4)
  })

  test('an exception is kept with all that it says', async () => {
    const { stage } = await worker()
    await using _ = stage
    await stage.about(stage.call('fail', [], leased(1)))
    await stage.lose()
    named(stage)
    await answer(stage, 70)
    expect(await stage.about(70)).toMatchObject([
      { type: exception, flags: executedFlag('yes'), value: { exval: 'ouch', xclass: 'RangeError', incident: expect.any(String) } },
    ])
  })

  test('a refusal too', async () => {
    const { stage } = await worker()
    await using _ = stage
    expect(types(await stage.about(stage.call('nothing', [], leased(1))))).toEqual([rejected])
    await stage.lose()
    expect(named(stage)).toEqual([leaseOf(1)])
    await answer(stage, 70)
    expect(await stage.about(70)).toMatchObject([{ type: rejected, value: { code: 'NoSuchMethod' } }])
  })

  test('a long result is sent again from its beginning, in pieces, as there is credit', async () => {
    const { stage } = await worker({ features, windowBytes: 100_000 })
    await using _ = stage
    const call = stage.call('long', [600_000], leased(1))
    expect((await stage.about(call)).at(-1)).toMatchObject({ type: result, flags: Flag.more })
    await stage.leave()
    // The next router takes shorter frames.
    stage.limits.maxFrameBytes = 50_000
    await stage.back()
    named(stage)
    // What waited for credit in the session before is not for this one.
    expect(await stage.about(call)).toEqual([])
    await answer(stage, 70)
    const early = await stage.about(70)
    expect(early[0]).toMatchObject({ type: result, flags: Flag.more })
    expect(early.length).toBeLessThan(8)
    while ((early.at(-1)!.flags & Flag.more) !== 0) {
      stage.send({ type: FrameType.symbol, source: 9 })
      early.push(...(await stage.about(70)))
    }
    const text = Buffer.concat(early.map(({ value }) => value as Uint8Array))
    expect(text.includes('x'.repeat(600_000))).toBe(true)
    expect(Math.max(...early.map(({ value }) => (value as Uint8Array).byteLength))).toBeLessThanOrEqual(25_000)
  })

  test('a result that fitted in a frame of the session before is cut where it does not in this one', async () => {
    const { stage, release } = await worker()
    await using _ = stage
    await stage.about(stage.call('hold', ['a'], leased(1)))
    await stage.leave()
    const value = Array.from({ length: 10_000 }, (_one, n) => n)
    await release('a', value)
    stage.limits.maxFrameBytes = 20_000
    await stage.back()
    named(stage)
    await answer(stage, 70)
    const pieces = (await stage.about(70)).map((said) => said.value as Uint8Array)
    expect(pieces.length).toBeGreaterThan(4)
    expect(JSON.parse(Buffer.concat(pieces).toString())).toEqual(value)
  })

  test('nothing is said of it in the next one before the router has answered', async () => {
    const { stage, release } = await worker()
    await using _ = stage
    const [a, b] = [stage.call('hold', ['a'], leased(1)), stage.call('hold', ['b'], leased(2))]
    await stage.about(a)
    await stage.about(b)
    await stage.lose()
    named(stage)
    // Of a call that has not ended there is nothing to be kept.
    await keep(stage, 2)
    await release('a')
    expect(stage.said).toEqual([])
    await answer(stage, 70, 71)
    await release('b')
    expect(types(await stage.about(70))).toEqual([result])
    expect(types(await stage.about(71))).toEqual([progress, result])
    expect([...(await stage.about(a)), ...(await stage.about(b))]).toEqual([])
  })

  test('what has come of it in pieces never arrived', async () => {
    const { stage } = await worker()
    await using _ = stage
    stage.call('mark', ['x'], { ...leased(1), flags: Flag.durable | Flag.more })
    await stage.world.advance(0)
    expect(stage.client.pending.incoming).toBe(1)
    await stage.lose()
    expect(named(stage)).toEqual([])
    expect(stage.client.pending.incoming).toBe(0)
  })

  test('again, before the router has answered: nothing is forgotten', async () => {
    const { stage, release } = await worker()
    await using _ = stage
    await stage.about(stage.call('hold', ['a'], leased(1)))
    await stage.about(stage.call('mark', ['b'], leased(2)))
    await stage.lose()
    expect(named(stage)).toEqual([leaseOf(1), leaseOf(2)])
    await stage.lose()
    expect(named(stage)).toEqual([leaseOf(1), leaseOf(2)])
    await answer(stage, 70, 71)
    await release('a')
    expect(types(await stage.about(70))).toEqual([progress, result])
    expect(types(await stage.about(71))).toEqual([result])
  })

  test('a cancel reaches it under its new number, and under no other', async () => {
    const { stage, log, release } = await worker()
    await using _ = stage
    const call = stage.call('hold', ['a'], leased(1))
    await stage.about(call)
    await stage.lose()
    named(stage)
    stage.cancel(call)
    await stage.world.advance(0)
    await answer(stage, 70)
    stage.cancel(call, AGAIN)
    stage.cancel(call, CALLER)
    await stage.world.advance(1000)
    expect(log).toEqual(['a begins'])
    stage.cancel(70, AGAIN)
    await stage.world.advance(1000)
    expect(log).toEqual(['a begins', 'a aborted: Cancelled'])
    expect(await stage.about(70)).toMatchObject([{ type: exception, value: { code: 'Cancelled' } }])
    await release('a')
  })

  test('a cancelled one that does not end within its grace is answered in the next session', async () => {
    const { stage, release } = await worker()
    await using _ = stage
    const call = stage.call('hold', ['a'], leased(1))
    await stage.about(call)
    stage.cancel(call)
    await stage.leave()
    await stage.back()
    expect(named(stage)).toEqual([leaseOf(1)])
    await answer(stage, 70)
    expect(await stage.about(70)).toMatchObject([{ type: exception, value: { code: 'Cancelled' } }])
    await release('a')
    expect(await stage.about(70)).toEqual([])
  })

  test('it keeps its object, also one that belongs to its caller, as long as it runs', async () => {
    const stage = await Stage.open({ features })
    await using _ = stage
    const gone: string[] = []
    let release = (): void => {}
    class Own {
      #walked = 0
      async walk(): Promise<number> {
        await new Promise<void>((resolve) => (release = resolve))
        return ++this.#walked
      }
      [Symbol.dispose](): void {
        gone.push('own')
      }
    }
    await stage.client.expose(service<{ walk(): Promise<number> }>('Own@1.0.0', { walk: {} }, { instance: 'session' }), Own)
    await stage.about(stage.call('walk', [], leased(1)))
    await stage.lose()
    named(stage)
    await answer(stage, 70)
    expect(gone).toEqual([])
    release()
    expect(await stage.about(70)).toMatchObject([{ type: result, value: 1 }])
    expect(gone).toEqual(['own'])
  })
})

describe('what is no longer the callee’s', () => {
  test('is told so, and nothing more is said of it', async () => {
    const { stage, log, release } = await worker()
    await using _ = stage
    await stage.about(stage.call('hold', ['a'], leased(1)))
    await stage.about(stage.call('mark', ['b'], leased(2)))
    await stage.lose()
    named(stage)
    stage.said.length = 0
    await answer(stage, 0, 0)
    expect(log).toEqual(['a begins', 'b', 'a aborted: RouterLost'])
    await release('a')
    await stage.world.advance(1000)
    expect(stage.said).toEqual([])
    expect(stage.client.pending.incoming).toBe(0)
    await stage.lose()
    expect(named(stage)).toEqual([])
  })

  test('does not start any more', async () => {
    const { stage, log, release } = await worker()
    await using _ = stage
    const fields = { [Tag.orderKey]: 'k' }
    await stage.about(stage.call('hold', ['a'], leased(1, { fields })))
    await stage.about(stage.call('mark', ['b'], leased(2, { fields })))
    await stage.about(stage.call('mark', ['c'], leased(3, { fields })))
    await stage.lose()
    named(stage)
    await answer(stage, 70, 0, 72)
    await release('a')
    expect(log).toEqual(['a begins', 'a ends', 'c'])
    expect(types(await stage.about(72))).toEqual([started, result])
  })
})

describe('what waits to start', () => {
  test('waits until the router has said that it is still to', async () => {
    const { stage, log, release } = await worker()
    await using _ = stage
    const fields = { [Tag.orderKey]: 'k' }
    await stage.about(stage.call('hold', ['a'], leased(1, { fields })))
    await stage.about(stage.call('mark', ['b'], leased(2, { fields })))
    await stage.leave()
    await release('a')
    expect(log).toEqual(['a begins', 'a ends'])
    await stage.back()
    expect(named(stage)).toEqual([leaseOf(1), leaseOf(2)])
    expect(log).toEqual(['a begins', 'a ends'])
    await answer(stage, 70, 71)
    expect(log).toEqual(['a begins', 'a ends', 'b'])
    expect(types(await stage.about(71))).toEqual([started, result])
  })

  test('goes before what comes in the next session', async () => {
    const { stage, log, release } = await worker()
    await using _ = stage
    for (const [n, name] of ['a', 'b', 'c'].entries()) await stage.about(stage.call('hold', [name], leased(n + 1)))
    expect(log).toEqual(['a begins', 'b begins'])
    await stage.lose()
    named(stage)
    stage.call('hold', ['d'], { instance: 2, source: AGAIN })
    await stage.world.advance(0)
    await answer(stage, 70, 71, 72)
    expect(log).toEqual(['a begins', 'b begins'])
    await release('a')
    expect(log).toEqual(['a begins', 'b begins', 'a ends', 'c begins'])
    for (const name of ['b', 'c', 'd']) await release(name)
  })

  test('does not start after its ttl', async () => {
    const { stage, log, release } = await worker()
    await using _ = stage
    const fields = { [Tag.orderKey]: 'k' }
    await stage.about(stage.call('hold', ['a'], leased(1, { fields })))
    await stage.about(stage.call('mark', ['late'], leased(2, { fields, ttlMs: 1000 })))
    await stage.lose()
    named(stage)
    await answer(stage, 70, 71)
    await release('a')
    expect(await stage.about(71)).toMatchObject([{ type: rejected, value: { code: 'DeadlineExceeded' } }])
    expect(log).not.toContain('late')
  })
})

test('what its guard lets in or not while the session is gone, is said of in the next one', async () => {
  const stage = await Stage.open({ features })
  await using _ = stage
  const asked: ((may: boolean) => void)[] = []
  const guard = (): Promise<boolean> => new Promise<boolean>((resolve) => asked.push(resolve))
  await stage.client.expose(service<{ in(): string }>('Door@1.0.0', { in: { guard } }), { in: () => 'in' })
  stage.call('in', [], leased(1))
  stage.call('in', [], leased(2))
  await stage.lose()
  expect(named(stage)).toEqual([leaseOf(1), leaseOf(2)])
  asked[0]!(true)
  asked[1]!(false)
  await stage.world.advance(0)
  expect(stage.said).toEqual([])
  await answer(stage, 70, 71)
  expect(types(await stage.about(70))).toEqual([started, result])
  expect(await stage.about(71)).toMatchObject([{ type: rejected, value: { code: 'Forbidden' } }])
})

describe('the last word', () => {
  test('is said again in each session until the router has it for good', async () => {
    const { stage } = await worker()
    await using _ = stage
    expect(types(await stage.about(stage.call('mark', ['a'], leased(1))))).toEqual([accepted, started, result])
    await stage.about(stage.call('mark', ['b'], leased(2)))
    await keep(stage, 2)
    await stage.lose()
    expect(named(stage)).toEqual([leaseOf(1)])
    await answer(stage, 70)
    expect(types(await stage.about(70))).toEqual([result])
    await stage.lose()
    expect(named(stage)).toEqual([leaseOf(1)])
    await answer(stage, 75)
    await keep(stage, 1)
    await stage.lose()
    expect(named(stage)).toEqual([])
  })

  test('is not kept where the router wants none', async () => {
    const { stage, release } = await worker()
    await using _ = stage
    const call = stage.call('hold', ['a'], leased(1))
    await stage.about(call)
    await keep(stage, 1, 9)
    await release('a')
    expect(types(await stage.about(call))).toEqual([progress, result])
    await stage.lose()
    expect(named(stage)).toEqual([])
  })
})

describe('the first frame of a later session', () => {
  test('names the leases, also where there are none, and comes in no first one', async () => {
    const { stage } = await worker()
    await using _ = stage
    expect(stage.heard).not.toContain(FrameType.holds)
    await stage.lose()
    expect(named(stage)).toEqual([])
    expect(stage.heard.length).toBeGreaterThan(1)
  })

  test('is in pieces where there are many', async () => {
    const { stage } = await worker({ features, maxFrameBytes: 300 })
    await using _ = stage
    const many = Array.from({ length: 50 }, (_one, n) => n + 1)
    for (const n of many) stage.call('mark', ['x'], leased(n))
    await stage.world.advance(0)
    await stage.lose()
    const frames = stage.said.filter(({ type }) => type === FrameType.holds)
    expect(frames.length).toBe(Math.ceil(50 / 9))
    expect(frames.map(({ flags }) => flags)).toEqual(frames.map((_one, index) => (index === frames.length - 1 ? 0 : Flag.more)))
    expect(named(stage)).toEqual(many.map(leaseOf))
    // So is the answer.
    const addressees = writeAddressees(many.map((n) => ({ source: AGAIN, call: 100 + n })))
    for (let at = 0; at < addressees.byteLength; at += 100) {
      const flags = at + 100 < addressees.byteLength ? Flag.more : 0
      stage.send({ type: FrameType.held, flags, destination: CLIENT }, [], addressees.subarray(at, at + 100))
    }
    for (const n of many) expect(types(await stage.about(100 + n))).toEqual([result])
  })

  test('is not sent to a router that knows nothing of leases, and calls end with their session there', async () => {
    const { stage, log } = await worker({})
    await using _ = stage
    await stage.about(stage.call('hold', ['a'], leased(1)))
    await stage.lose()
    expect(stage.heard).not.toContain(FrameType.holds)
    expect(log).toEqual(['a begins', 'a aborted: RouterLost'])
    await stage.world.advance(0)
    expect(types(stage.said)).not.toContain(result)
  })

  test('does not name what a caller called a lease itself', async () => {
    const { stage, log } = await worker()
    await using _ = stage
    await stage.about(stage.call('hold', ['a'], { ...leased(1), flags: 0 }))
    await stage.lose()
    expect(named(stage)).toEqual([])
    expect(log).toEqual(['a begins', 'a aborted: RouterLost'])
  })
})

describe('an answer that is none', () => {
  test.each([
    ['too short', [70]],
    ['too long', [70, 71, 72]],
    ['twice the same number', [70, 70]],
  ])('%s: a new session begins, and nothing is forgotten', async (_what, numbers) => {
    const { stage, log, release } = await worker()
    await using _ = stage
    for (const [n, name] of ['a', 'b'].entries()) await stage.about(stage.call('hold', [name], leased(n + 1)))
    await stage.lose()
    named(stage)
    await answer(stage, ...numbers)
    await stage.world.advance(20_000)
    expect(stage.sessions).toBe(3)
    expect(named(stage)).toEqual([leaseOf(1), leaseOf(2)])
    await answer(stage, 80, 81)
    await release('a')
    await release('b')
    expect(types(await stage.about(80))).toEqual([progress, result])
    expect(types(await stage.about(81))).toEqual([progress, result])
    expect(log).toEqual(['a begins', 'b begins', 'a ends', 'b ends'])
  })
})

describe('a client that closes', () => {
  test('waits until the router has its last words for good', async () => {
    const { stage, release } = await worker()
    await using _ = stage
    await stage.about(stage.call('hold', ['a'], leased(1)))
    let closed = false
    const closing = stage.client.close().then(() => (closed = true))
    await release('a')
    await stage.world.advance(5000)
    expect(closed).toBe(false)
    await keep(stage, 1)
    await stage.world.until(closing)
  })

  test('no longer than it is told to', async () => {
    const { stage } = await worker()
    await using _ = stage
    await stage.about(stage.call('mark', ['a'], leased(1)))
    const startMs = stage.world.nowMs
    await stage.world.until(stage.client.close({ drainMs: 3000 }), 10_000)
    expect(stage.world.nowMs - startMs).toBe(3000)
  })

  test('waits for the router too, where it still has something for it', async () => {
    const { stage } = await worker()
    await using _ = stage
    await stage.about(stage.call('mark', ['a'], leased(1)))
    await stage.leave()
    let closed = false
    const closing = stage.client.close().then(() => (closed = true))
    await stage.back()
    expect(named(stage)).toEqual([leaseOf(1)])
    expect(stage.withdrawn).toEqual([])
    await answer(stage, 70)
    expect(types(await stage.about(70))).toEqual([result])
    expect(closed).toBe(false)
    await keep(stage, 1)
    await stage.world.until(closing)
  })

  test.each(['closes at once while it has no router', 'closes at once', 'is superseded'])(
    'or %s: what runs is told, what waits never starts, and nothing is left',
    async (how) => {
      const { stage, log, release } = await worker()
      await using _ = stage
      const fields = { [Tag.orderKey]: 'k' }
      await stage.about(stage.call('hold', ['a'], leased(1, { fields })))
      await stage.about(stage.call('mark', ['b'], leased(2, { fields })))
      if (how.includes('no router')) await stage.leave()
      if (how === 'is superseded') stage.send({ type: FrameType.goodbye }, [], { code: 'Superseded', message: 'another process' })
      else await stage.client.close({ drainMs: 0 })
      await stage.world.advance(20_000)
      expect(log).toEqual(['a begins', 'a aborted: RouterLost'])
      await release('a')
      expect(log).toEqual(['a begins', 'a aborted: RouterLost', 'a ends'])
      expect(stage.client.pending.incoming).toBe(0)
    },
  )
})
