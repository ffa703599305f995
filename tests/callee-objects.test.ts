/** Which object answers: one made for the call with its constructor arguments, one kept for a caller or a key, or a module. */
import { functions, service, type Client } from '@waybill/client'
import { FrameType, Tag } from '@waybill/core'
import { Method, Remote } from '@waybill/decorators'
import { harness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { CALLER, Stage, who } from './callee-stage.js'
import * as math from './fixtures/math.js'

let made: string[] = []
let disposed: string[] = []

class Counter {
  readonly name: string
  #count = 0
  constructor(...args: unknown[]) {
    this.name = JSON.stringify(args)
    if (args[0] === 'broken') throw new TypeError('cannot be made')
    made.push(this.name)
  }
  next(): string {
    return `${this.name} ${++this.#count}`
  }
  wait(): Promise<void> {
    return new Promise((resolve) => waiting.push(resolve))
  }
  [Symbol.dispose](): void {
    disposed.push(this.name)
    if (this.name === '["untidy"]') throw new Error('untidy')
  }
}
let waiting: (() => void)[] = []

const terms = { next: {}, wait: {} }
const rule = (instance: 'call' | 'session' | 'key') => service<Counter>(`${instance}@1.0.0`, terms, { instance })

async function stageOf(instance: 'call' | 'session' | 'key'): Promise<Stage> {
  const stage = await Stage.open()
  await stage.client.expose(rule(instance), Counter)
  made = []
  disposed = []
  waiting = []
  return stage
}

const cntr = (...args: unknown[]) => ({ [Tag.cntr]: [args, {}] })
const rejected = (code: string) => ({ type: FrameType.rejected, value: { code, description: expect.any(String) as string } })

describe('an object for each call', () => {
  test('row 004-10: is constructed with the arguments that the call names', async () => {
    await using stage = await stageOf('call')
    for (const [fields, name] of [
      [{}, '[]'],
      [cntr('rex', 3), '["rex",3]'],
      [{ [Tag.cntr]: [['rex'], { loud: true }] }, '["rex",{"loud":true}]'],
      [{ [Tag.cntr]: [[], {}] }, '[]'],
    ] as const) {
      expect(await stage.end(stage.call('next', [], { fields }))).toEqual({ type: FrameType.result, value: `${name} 1` })
    }
    expect(made).toHaveLength(4)
    expect(disposed).toEqual(made)
  })

  test('row 004-10: a constructor that throws refuses the call, and the reason stays here', async () => {
    await using stage = await stageOf('call')
    const end = await stage.end(stage.call('next', [], { fields: cntr('broken') }))
    expect(end).toMatchObject(rejected('Rejected'))
    expect(JSON.stringify(end.value)).not.toContain('cannot be made')
    expect(stage.incidents).toMatchObject([{ service: 'call', method: 'next', error: new TypeError('cannot be made') }])
  })

  test('row 004-10: an object that is there already is not constructed again', async () => {
    await using stage = await Stage.open()
    await stage.client.expose(rule('call'), new Counter('one'))
    const end = await stage.end(stage.call('next', [], { fields: cntr('other') }))
    expect(end).toMatchObject(rejected('Rejected'))
    expect(end.value).toMatchObject({ description: expect.stringContaining('there already') as string })
    expect(await stage.end(stage.call('next'))).toMatchObject({ value: '["one"] 1' })
  })

  test('what its disposal throws is an incident', async () => {
    await using stage = await stageOf('call')
    expect(await stage.end(stage.call('next', [], { fields: cntr('untidy') }))).toMatchObject({ value: '["untidy"] 1' })
    expect(stage.incidents).toMatchObject([{ service: 'call', error: new Error('untidy') }])
  })
})

describe('an object for each caller', () => {
  const OTHER = CALLER + 1

  test('is made at its first call and kept, one for each list of constructor arguments', async () => {
    await using stage = await stageOf('session')
    stage.send({ type: FrameType.symbol, source: OTHER }, [who('other', 'local')])
    expect(stage.offers).toMatchObject([{ service: 'session', perCaller: true }])
    const values: unknown[] = []
    for (const [source, fields] of [
      [CALLER, {}],
      [CALLER, {}],
      [OTHER, {}],
      [CALLER, cntr('a')],
      [CALLER, cntr('a')],
    ] as const) {
      values.push((await stage.end(stage.call('next', [], { source, fields }))).value)
    }
    expect(values).toEqual(['[] 1', '[] 2', '[] 1', '["a"] 1', '["a"] 2'])
    stage.send({ type: FrameType.symbol, source: CALLER })
    expect(disposed).toEqual(['[]', '["a"]'])
    expect((await stage.end(stage.call('next', [], { source: OTHER }))).value).toBe('[] 2')
  })

  test('is dropped with the session, and when it has finished its work', async () => {
    await using stage = await stageOf('session')
    stage.call('wait')
    await stage.lose()
    expect(disposed).toEqual([])
    for (const go of waiting) go()
    await stage.world.advance(0)
    expect(disposed).toEqual(['[]'])
    expect((await stage.end(stage.call('next', [], { instance: 2 }))).value).toBe('[] 1')
  })

  test('is dropped when the service is taken back, or the client ends', async () => {
    await using stage = await Stage.open()
    const exposed = await stage.client.expose(rule('session'), Counter)
    await stage.client.expose(rule('key'), Counter)
    disposed = []
    await stage.end(stage.call('next'))
    await stage.end(stage.call('next', [], { instance: 2, fields: { [Tag.sticky]: 'k', ...cntr('kept') } }))
    await exposed.withdraw()
    expect(disposed).toEqual(['[]'])
    const closing = stage.client.close({ drainMs: 0 })
    await stage.world.advance(1)
    await closing
    expect(disposed).toEqual(['[]', '["kept"]'])
  })

  test('there are only so many', async () => {
    await using stage = await stageOf('session')
    for (let n = 0; n < 10_000; n++) stage.call('next', [], { fields: cntr(n) })
    const more = stage.call('next', [], { fields: cntr('more') })
    expect(await stage.end(more)).toMatchObject(rejected('Overloaded'))
    expect((await stage.end(stage.call('next', [], { fields: cntr(7) }))).value).toBe('[7] 2')
    expect(made).toHaveLength(10_000)
  })
})

describe('an object for each key', () => {
  const key = (sticky: string) => ({ fields: { [Tag.sticky]: sticky } })

  test('is shared by all callers that name the key', async () => {
    await using stage = await stageOf('key')
    const values: unknown[] = []
    for (const [sticky, source] of [
      ['a', CALLER],
      ['b', CALLER],
      ['a', CALLER + 1],
    ] as const) {
      values.push((await stage.end(stage.call('next', [], { source, ...key(sticky) }))).value)
    }
    expect(values).toEqual(['[] 1', '[] 1', '[] 2'])
  })

  test('a call without a key is told what it lacks', async () => {
    await using stage = await stageOf('key')
    const end = await stage.end(stage.call('next'))
    expect(end).toMatchObject(rejected('BadArguments'))
    expect(end.value).toMatchObject({ description: expect.stringContaining('sticky') as string })
  })

  test('the one that was not used for longest makes room, unless it is at work', async () => {
    await using stage = await stageOf('key')
    stage.call('wait', [], key('busy'))
    for (let n = 0; n < 9_999; n++) stage.call('next', [], key(String(n)))
    await stage.world.advance(0)
    expect((await stage.end(stage.call('next', [], key('0')))).value).toBe('[] 2')
    expect((await stage.end(stage.call('next', [], key('more')))).value).toBe('[] 1')
    expect(disposed).toHaveLength(1)
    expect((await stage.end(stage.call('next', [], key('0')))).value).toBe('[] 3')
    expect((await stage.end(stage.call('next', [], key('1')))).value).toBe('[] 1')
    for (const go of waiting) go()
  })
})

describe('a module', () => {
  async function pair(h: ReturnType<typeof harness>): Promise<{ worker: Client; caller: Client }> {
    return { worker: await h.client('worker'), caller: await h.client('caller') }
  }

  test('row 004-10: its functions are offered as they stand, and nothing else of it', async () => {
    await using h = harness()
    const { worker, caller } = await pair(h)
    const exposed = await worker.expose(functions('Math@1.0.0', math))
    expect([...exposed.methods].toSorted()).toEqual(['add', 'default', 'half'])
    const remote = caller.remote<typeof math>('Math@^1')
    expect(await remote.add(1, 2)).toBe(3)
    expect(await remote.half(3)).toBe(1.5)
    expect(await remote.default(1, 2, 3)).toBe(6)
    const untyped = caller.remote<Record<string, () => Promise<unknown>>>('Math')
    for (const name of ['pi', 'Fraction']) await expect(untyped[name]!()).rejects.toMatchObject({ code: 'NoSuchMethod', executed: 'no' })
    expect(untyped['_secret']).toBeUndefined()
  })

  test('row 004-10: its functions may have terms, and the definition serves both sides', async () => {
    await using h = harness()
    const { worker, caller } = await pair(h)
    const definition = service<typeof math>('Math@1.0.0', { add: { args: [z.number(), z.number()], returns: z.number() } })
    await worker.expose(definition, math)
    expect(await caller.remote(definition).add(1, 2)).toBe(3)
    await expect(caller.remote(definition).half(1)).rejects.toMatchObject({ code: 'NoSuchMethod' })
    await expect(caller.remote(definition).add('1' as never, 2)).rejects.toMatchObject({ code: 'BadArguments' })
  })

  test('row 004-10: an object of functions is as good, with a prototype or without', async () => {
    await using h = harness()
    const { worker, caller } = await pair(h)
    const bare = Object.assign(Object.create(null) as { twice(n: number): number }, { twice: (n: number) => n * 2 })
    await worker.expose(functions('Bare@1.0.0', bare, { labels: { kind: 'bare' } }))
    await worker.expose(service<typeof bare>('Twice@1.0.0', { twice: {} }), bare)
    const plain = {
      thrice: (n: number) => n * 3,
      get trap() {
        return expect.unreachable()
      },
      then: () => 1,
    }
    const exposed = await worker.expose(functions('Plain', plain))
    expect(exposed).toMatchObject({ version: '0.0.0', methods: ['thrice'] })
    expect(await caller.remote<typeof bare>('Bare?kind=bare').twice(2)).toBe(4)
    expect(await caller.remote<typeof bare>('Twice').twice(2)).toBe(4)
    expect(await caller.remote<typeof plain>('Plain').thrice(2)).toBe(6)
  })

  test('what has no function is not offered', () => {
    for (const empty of [{}, { pi: 3 }, { _secret: () => 1 }, { Class: class {} }]) {
      expect(() => functions('Empty@1.0.0', empty)).toThrow(expect.objectContaining({ code: 'NotExposed' }))
    }
    expect(() => functions('Math@^1', math)).toThrow(expect.objectContaining({ code: 'BadAddress' }))
  })
})

describe('what a service says of itself', () => {
  class Asleep extends Error {}

  @Remote({ name: 'Dog', version: '1.2.0', labels: { region: 'eu' }, concurrency: 3 })
  class Dog {
    constructor() {
      throw new Error('never made for this')
    }
    @Method({ args: [z.string(), z.number().optional()], returns: z.object({ said: z.string() }), idempotent: true, timeout: '5s' })
    bark(phrase: string, _times?: number) {
      return { said: phrase }
    }
    @Method({ errors: [Asleep], concurrency: 1, guard: () => false })
    wake() {}
  }

  test('its methods, with what they take and give, and its terms', async () => {
    await using h = harness()
    const worker = await h.client('worker')
    await worker.expose(Dog)
    const caller = await h.client('caller')
    const description = await caller.describe('worker/Dog@^1')
    expect(description).toMatchObject({ name: 'Dog', version: '1.2.0', labels: { region: 'eu' }, instance: 'call', concurrency: 3 })
    expect(description.methods).toMatchObject([
      {
        name: 'bark',
        idempotent: true,
        timeoutMs: 5000,
        parameters: [{ type: 'string' }, { type: 'number' }],
        returns: { type: 'object', properties: { said: { type: 'string' } }, required: ['said'] },
      },
      { name: 'wake', idempotent: false, concurrency: 1, errors: ['Asleep'], guarded: true },
    ])
    const [listed] = await caller.remote<{ services(): { methods: string[] }[] }>('waybill.Router').services()
    expect(listed!.methods).toEqual(['bark', 'wake'])
  })

  test('a schema that cannot say what it takes is named by its vendor', async () => {
    await using h = harness()
    const worker = await h.client('worker')
    const vendor = { version: 1 as const, vendor: 'mine', validate: (value: unknown) => ({ value }) }
    const jsonSchema = { input: () => expect.unreachable(), output: () => undefined }
    const silent = { '~standard': vendor }
    const broken = { '~standard': { ...vendor, jsonSchema } }
    await worker.expose(service<{ f(a: unknown, b: unknown): unknown }>('S@1.0.0', { f: { args: [silent, broken], returns: broken } }), {
      f: () => 1,
    })
    const { methods } = await (await h.client('caller')).describe('S')
    expect(methods).toEqual([{ name: 'f', idempotent: false, parameters: ['schema:mine', 'schema:mine'], returns: 'schema:mine' }])
  })

  test('no service, no description', async () => {
    await using h = harness()
    await expect((await h.client('caller')).describe('Cat')).rejects.toMatchObject({ code: 'NoSuchService' })
  })
})
