/** What a callee does with calls that want no reply, that stand in a line, or that say more than their arguments. */
import { currentCall, service } from '@waybill/client'
import { Flag, FrameType, Tag, serialBytes } from '@waybill/core'
import { describe, expect, test } from 'vitest'
import { CALLER, Stage } from './callee-stage.js'

interface Work {
  note(what: unknown, named?: unknown): unknown
  fail(): void
  hold(name: string): Promise<string>
  mark(name: string): void
}
const work = service<Work>('Work@1.0.0', { note: {}, fail: {}, hold: {}, mark: {} })
const silent = Flag.noReply
const told = Flag.noReply | Flag.statusesWanted
const sn = '018f3c1e-7a00-8dea-b6fb-bc0000000007'

async function worker() {
  const stage = await Stage.open()
  const log: string[] = []
  const going = new Map<string, () => void>()
  await stage.client.expose(work, {
    note: (...args) => {
      const { sn, parent, attempt, data } = currentCall()
      currentCall().progress({ total: 1, completed: 1 })
      log.push('note')
      return { args, sn, parent, attempt, data }
    },
    fail: () => {
      throw new TypeError('my own fault')
    },
    hold: async (name) => {
      log.push(`${name} begins`)
      await new Promise<void>((resolve) => going.set(name, resolve))
      log.push(`${name} ends`)
      return name
    },
    mark: (name) => void log.push(name),
  })
  const release = async (name: string): Promise<void> => {
    going.get(name)!()
    await stage.world.advance(0)
  }
  return { stage, log, release }
}

describe('no reply', () => {
  test('a call runs and nothing is said of it, not even its progress', async () => {
    const { stage, log } = await worker()
    await using _ = stage
    expect(await stage.about(stage.call('note', ['x'], { flags: silent }))).toEqual([])
    expect(log).toEqual(['note'])
    expect(stage.incidents).toEqual([])
  })

  test('the router alone hears of its end, by an empty result', async () => {
    const { stage } = await worker()
    await using _ = stage
    const end = { type: FrameType.result, flags: Flag.noReply, destination: CALLER, extensionBytes: 0, value: undefined }
    const ends = [stage.call('note', ['x'], { flags: told, fields: { [Tag.data]: 1 } }), stage.call('fail', [], { flags: told })]
    ends.push(stage.call('nothing', [], { flags: told }), stage.call('note', [], { flags: told, fields: { [Tag.kws]: [] } }))
    ends.push(stage.call('note', [], { flags: told, instance: 99 }))
    for (const call of ends) expect(await stage.about(call)).toEqual([{ ...end, call }])
  })

  test('what goes wrong is an incident here', async () => {
    const { stage } = await worker()
    await using _ = stage
    for (const method of ['fail', 'nothing']) expect(await stage.about(stage.call(method, [], { flags: silent }))).toEqual([])
    expect(await stage.about(stage.call('hold', { length: 1 } as never, { flags: silent }))).toEqual([])
    expect(stage.incidents).toMatchObject([
      { service: 'Work', method: 'fail', error: new TypeError('my own fault') },
      { error: { code: 'NoSuchMethod' } },
      { service: 'Work', method: 'hold', error: { code: 'BadArguments' } },
    ])
  })

  test('its end is said when the method has ended, also after a cancel', async () => {
    const { stage, release } = await worker()
    await using _ = stage
    const call = stage.call('hold', ['a'], { flags: told })
    stage.cancel(call)
    await stage.world.advance(1000)
    expect(await stage.about(call)).toEqual([])
    await release('a')
    expect(await stage.end(call)).toEqual({ type: FrameType.result, value: undefined })
  })

  test('it never starts after its ttl', async () => {
    const { stage, log, release } = await worker()
    await using _ = stage
    const fields = { [Tag.orderKey]: 'k' }
    stage.call('hold', ['a'], { fields })
    const late = stage.call('mark', ['late'], { flags: told, fields, ttlMs: 100 })
    await stage.world.advance(101)
    expect(await stage.about(late)).toEqual([])
    await release('a')
    expect(await stage.end(late)).toEqual({ type: FrameType.result, value: undefined })
    expect(log).toEqual(['a begins', 'a ends'])
    expect(stage.incidents).toMatchObject([{ error: { code: 'DeadlineExceeded', executed: 'no' } }])
  })
})

describe('what a call says beside its arguments', () => {
  test('its serial number, its group, its attempt, its data', async () => {
    const { stage } = await worker()
    await using _ = stage
    const plain = await stage.end(stage.call('note', [1]))
    expect(plain.value).toEqual({ args: [1], sn: '018f3c1e-7a00-8dea-b6fb-bc0000000001', parent: undefined, attempt: 1, data: undefined })
    const fields = { [Tag.sn]: serialBytes(sn), [Tag.parent]: serialBytes(sn.replace('07', '01')), [Tag.data]: { a: 1 } }
    const { value } = await stage.end(stage.call('note', [], { fields, attempt: 3 }))
    expect(value).toEqual({ args: [], sn, parent: sn.replace('07', '01'), attempt: 3, data: { a: 1 } })
  })

  test('named arguments come as one object after the others', async () => {
    const { stage } = await worker()
    await using _ = stage
    const { value } = await stage.end(stage.call('note', [1], { fields: { [Tag.kws]: { loud: true } } }))
    expect(value).toMatchObject({ args: [1, { loud: true }] })
    const none = await stage.end(stage.call('note', [1], { fields: { [Tag.kws]: {} } }))
    expect(none.value).toMatchObject({ args: [1] })
  })

  const broken: readonly (readonly [string, Readonly<Record<number, unknown>>, string])[] = [
    ['a serial number of 15 bytes', { [Tag.sn]: new Uint8Array(15) }, 'ProtocolViolation'],
    ['a group of no bytes', { [Tag.parent]: '' }, 'ProtocolViolation'],
    ['named arguments in a list', { [Tag.kws]: [] }, 'BadArguments'],
    ['named arguments that are no JSON', { [Tag.kws]: '{' }, 'ProtocolViolation'],
    ['named arguments that change a prototype', { [Tag.kws]: '{"__proto__":{}}' }, 'ProtocolViolation'],
    ['constructor arguments without names', { [Tag.cntr]: [[]] }, 'BadArguments'],
    ['constructor arguments in an object', { [Tag.cntr]: [{}, {}] }, 'BadArguments'],
  ]
  test.each(broken)('%s is refused', async (_what, fields, code) => {
    const { stage, log } = await worker()
    await using _ = stage
    expect(await stage.end(stage.call('note', [], { fields }))).toMatchObject({ type: FrameType.rejected, value: { code } })
    expect(log).toEqual([])
  })
})

describe('an order key', () => {
  const fields = { [Tag.orderKey]: 'k' }

  test('calls run one after the other, in order of arrival', async () => {
    const { stage, log, release } = await worker()
    await using _ = stage
    for (const name of ['a', 'b']) stage.call('hold', [name], { fields })
    stage.call('hold', ['other'], { fields: { [Tag.orderKey]: 'l' } })
    stage.call('mark', ['free'])
    stage.call('mark', ['c'], { fields })
    await stage.world.advance(0)
    expect(log).toEqual(['a begins', 'other begins', 'free'])
    await release('a')
    await release('b')
    await release('other')
    expect(log.slice(3)).toEqual(['a ends', 'b begins', 'b ends', 'c', 'other ends'])
  })

  test('also where the arguments of an earlier one arrive later', async () => {
    const { stage, log } = await worker()
    await using _ = stage
    const first = stage.call('mark', ['first'], { fields, flags: Flag.more })
    stage.call('mark', ['second'], { fields })
    await stage.world.advance(0)
    expect(log).toEqual([])
    stage.send({ type: FrameType.callChunk, source: CALLER, call: first })
    await stage.world.advance(0)
    expect(log).toEqual(['first', 'second'])
  })

  test('after a cancel the next one waits until the method has really ended, and so does the word', async () => {
    const { stage, log, release } = await worker()
    await using _ = stage
    const [first, second] = [stage.call('hold', ['a'], { fields }), stage.call('mark', ['b'], { fields })]
    stage.cancel(first)
    await stage.world.advance(5000)
    expect(await stage.about(first)).toEqual([])
    expect(log).toEqual(['a begins'])
    await release('a')
    expect(await stage.end(first)).toEqual({ type: FrameType.result, value: 'a' })
    expect(await stage.end(second)).toMatchObject({ type: FrameType.result })
    expect(log).toEqual(['a begins', 'a ends', 'b'])
  })

  test('one that waits can be cancelled, and the line goes on without it', async () => {
    const { stage, log, release } = await worker()
    await using _ = stage
    stage.call('hold', ['a'], { fields })
    const waits = stage.call('mark', ['b'], { fields })
    stage.call('mark', ['c'], { fields })
    stage.cancel(waits)
    expect(await stage.end(waits)).toMatchObject({ type: FrameType.exception, value: { code: 'Cancelled' } })
    await release('a')
    expect(log).toEqual(['a begins', 'a ends', 'c'])
  })

  test('a head of the line that is refused lets the next one start', async () => {
    const { stage, log } = await worker()
    await using _ = stage
    const first = stage.call('mark', ['first'], { fields, flags: Flag.more })
    stage.call('mark', ['second'], { fields })
    stage.cancel(first)
    await stage.world.advance(0)
    expect(log).toEqual(['second'])
  })

  test('one that will never arrive whole, as its caller is gone, holds up nobody', async () => {
    const { stage, log } = await worker()
    await using _ = stage
    const first = stage.call('mark', ['first'], { fields, flags: Flag.more | told })
    stage.call('mark', ['second'], { fields, source: CALLER + 1 })
    stage.send({ type: FrameType.symbol, source: CALLER })
    expect(await stage.end(first)).toEqual({ type: FrameType.result, value: undefined })
    expect(log).toEqual(['second'])
    expect(stage.client.pending.incoming).toBe(0)
  })

  test('what runs for a caller who is gone says nothing in a later session', async () => {
    const { stage, release } = await worker()
    await using _ = stage
    const call = stage.call('hold', ['a'], { flags: told })
    stage.send({ type: FrameType.symbol, source: CALLER })
    await stage.lose()
    await release('a')
    expect(await stage.about(call)).toEqual([])
    expect(stage.client.pending.incoming).toBe(0)
  })

  test('a method that outlives its session still holds its key', async () => {
    const { stage, log, release } = await worker()
    await using _ = stage
    stage.call('hold', ['a'], { fields })
    stage.call('mark', ['lost'], { fields })
    await stage.lose()
    const next = stage.call('mark', ['b'], { fields, instance: 2 })
    await stage.world.advance(0)
    expect(log).toEqual(['a begins'])
    await release('a')
    expect(await stage.end(next)).toMatchObject({ type: FrameType.result })
    expect(log).toEqual(['a begins', 'a ends', 'b'])
  })
})
