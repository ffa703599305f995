/** What may be called and what values may be: nothing from the wire becomes a name, a class or code. Titles begin with the row in docs/rows.md. */
import { currentCall, service } from '@waybill/client'
import { encodings, extensionField, findText, FrameReader, FrameType, joinFields, Tag } from '@waybill/core'
import { Remote } from '@waybill/decorators'
import { harness, ROUTER_URL, type End, type Harness, type Wire } from '@waybill/testkit'
import { inspect } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import { body, frameOf, HostilePeer, type Seen } from './hostile-peer.js'

interface Any {
  [method: string]: (...args: unknown[]) => unknown
}

function peer(h: Harness): Promise<HostilePeer> {
  return HostilePeer.open(h.network.transport(h.world.process('mallory')), ROUTER_URL, { introduction: { name: 'mallory' } })
}

let number = 0

/** Calls a method by a name that a proxy would never send, or with bytes that a codec would never write. */
async function rawCall(
  mallory: HostilePeer,
  address: string,
  method: string,
  bytes?: { encoding: number; text: string },
  ...fields: Uint8Array[]
): Promise<Seen> {
  const call = ++number
  const extension = joinFields([extensionField(Tag.destination, address), extensionField(Tag.method, method), ...fields])
  const frame = frameOf(
    { type: FrameType.call, source: mallory.connected.symbol, call },
    extension,
    bytes === undefined ? body([]) : undefined,
  )
  mallory.send(bytes === undefined ? frame : withBody(frame, bytes.encoding, new TextEncoder().encode(bytes.text)))
  return await mallory.next((seen) => seen.call === call)
}

function withBody(frame: Uint8Array, encoding: number, content: Uint8Array): Uint8Array {
  const whole = new Uint8Array(frame.byteLength + content.byteLength)
  whole.set(frame)
  whole.set(content, frame.byteLength)
  new DataView(whole.buffer).setUint32(0, whole.byteLength, true)
  whole[28] = encoding
  return whole
}

const pristine = [Object, Array, Function, Error].map((each) => Reflect.ownKeys(each.prototype).length)
afterEach(() => {
  expect([Object, Array, Function, Error].map((each) => Reflect.ownKeys(each.prototype).length)).toEqual(pristine)
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
})

describe('row 8: only what was exposed can be called', () => {
  @Remote({ name: 'Vault', version: '1.0.0' })
  class Vault {
    secret = 'field'
    asField = () => 'field'
    open() {
      return 'open'
    }
    get accessor() {
      return () => 'accessor'
    }
    _hidden() {
      return 'hidden'
    }
    #really() {
      return 'really'
    }
    then() {
      return 'then'
    }
    toJSON() {
      return this.#really()
    }
    static statically() {
      return 'static'
    }
  }

  test('row 8: every other name is NoSuchMethod, and expose says which there are', async () => {
    await using h = harness()
    const worker = await h.client('worker')
    const exposed = await worker.expose(new Vault())
    expect(exposed.methods).toEqual(['open'])
    const mallory = await peer(h)
    expect((await rawCall(mallory, 'Vault', 'open')).value).toBe('open')
    const others = ['secret', 'asField', 'accessor', '_hidden', '#really', 'statically', 'Open', 'open ', ' open', 'open\0', '']
    const objects = [
      ...Object.getOwnPropertyNames(Object.prototype),
      'prototype',
      'then',
      'toJSON',
      'call',
      'apply',
      'bind',
      'name',
      'length',
      'size',
      'get',
    ]
    for (const name of [...others, ...objects]) {
      const answer = await rawCall(mallory, 'Vault', name)
      expect([name, answer.type, answer.value]).toMatchObject([name, FrameType.rejected, { code: 'NoSuchMethod' }])
    }
  })

  test('row 8: the same for the router itself', async () => {
    await using h = harness()
    const mallory = await peer(h)
    for (const name of ['constructor', '__proto__', 'toString', 'close', 'admit', 'get', '']) {
      expect((await rawCall(mallory, 'waybill.Router', name)).value).toMatchObject({ code: 'NoSuchMethod' })
    }
  })

  test('row 8: a symbol of a method of another service opens nothing', async () => {
    await using h = harness()
    const worker = await h.client('worker')
    await worker.expose(service<Any>('One@1.0.0', { shown: {} }), { shown: () => 1, hidden: () => 2 })
    await worker.expose(service<Any>('Two@1.0.0', { hidden: {} }), { hidden: () => 2 })
    const mallory = await peer(h)
    await rawCall(mallory, 'Two', 'hidden')
    const learned = await mallory.next(({ type, method }) => type === FrameType.symbol && method !== 0)
    mallory.send(
      frameOf(
        { type: FrameType.call, source: mallory.connected.symbol, call: 7777, method: learned.method },
        extensionField(Tag.destination, 'One'),
        body([]),
      ),
    )
    expect((await mallory.next(({ call }) => call === 7777)).value).toMatchObject({ code: 'NoSuchMethod' })
    mallory.send(
      frameOf({ type: FrameType.call, source: mallory.connected.symbol, call: 7778 }, extensionField(Tag.destination, 'One'), body([])),
    )
    expect((await mallory.next(({ call }) => call === 7778)).value).toMatchObject({ code: 'NoSuchMethod' })
  })
})

describe('row 9: values are only values', () => {
  async function echo(h: Harness): Promise<HostilePeer> {
    const worker = await h.client('worker')
    const work = {
      echo: (value: unknown) => value,
      keys: (value: object) => [Object.getPrototypeOf(value) === Object.prototype, Object.keys(value)],
      data: () => currentCall().data,
    }
    await worker.expose(service<Any>('Echo@1.0.0', { echo: {}, keys: {}, data: {} }), work as unknown as Any)
    return await peer(h)
  }

  test('row 9: a key __proto__ is refused, in arguments and in data', async () => {
    await using h = harness()
    const mallory = await echo(h)
    for (const text of ['[{"__proto__":{"polluted":1}}]', '[{"\\u005f_proto__":{"polluted":1}}]', '[[[{"a":{"__proto__":null}}]]]']) {
      expect((await rawCall(mallory, 'Echo', 'echo', { encoding: encodings.json, text })).value).toMatchObject({
        code: 'ProtocolViolation',
      })
    }
    const data = extensionField(Tag.data, '{"__proto__":{"polluted":1}}')
    expect((await rawCall(mallory, 'Echo', 'data', undefined, data)).value).toMatchObject({ code: 'ProtocolViolation' })
  })

  test('row 9: a data key named constructor is legal and only data', async () => {
    await using h = harness()
    const mallory = await echo(h)
    const text = '[{"constructor":{"prototype":{"polluted":1}},"prototype":1}]'
    expect((await rawCall(mallory, 'Echo', 'keys', { encoding: encodings.json, text })).value).toEqual([true, ['constructor', 'prototype']])
  })

  test('row 9: depth, digits and annotations are bounded before anything is built', async () => {
    await using h = harness()
    const mallory = await echo(h)
    // A method that gives nothing back, so that it is the arguments that are refused.
    const worker = await h.client('taker')
    await worker.expose(service<Any>('Taker@1.0.0', { take: {} }), { take: () => 1 } as Any)
    const deep = `[${'['.repeat(500)}${']'.repeat(500)}]`
    expect((await rawCall(mallory, 'Taker', 'take', { encoding: encodings.json, text: deep })).value).toMatchObject({ code: 'TooLarge' })
    const digits = JSON.stringify({ json: ['9'.repeat(100_000)], meta: { values: { '0': ['bigint'] }, v: 1 } })
    expect((await rawCall(mallory, 'Taker', 'take', { encoding: encodings.rich, text: digits })).value).toMatchObject({ code: 'TooLarge' })
    const path = JSON.stringify({ json: [{}], meta: { values: { '0.__proto__.polluted': ['undefined'] }, v: 1 } })
    expect((await rawCall(mallory, 'Echo', 'echo', { encoding: encodings.rich, text: path })).value).toMatchObject({
      code: 'ProtocolViolation',
    })
    const nested = extensionField(Tag.data, `${'['.repeat(500)}${']'.repeat(500)}`)
    expect((await rawCall(mallory, 'Taker', 'take', undefined, nested)).value).toMatchObject({ code: 'TooLarge' })
  })
})

describe('row 10: thenables', () => {
  test('row 10: a proxy is no promise and sends nothing when it is looked at', async () => {
    let calls = 0
    const tap = { sent: (_wire: unknown, _from: unknown, packet: Uint8Array) => void (calls += framesIn(packet, FrameType.call)) }
    await using h = harness({ tap })
    const client = await h.client('caller')
    const dog = client.remote<Any>('Dog')
    expect(await dog).toBe(dog)
    expect(await Promise.all([dog, dog['bark']])).toEqual([dog, dog['bark']])
    for (const name of [
      'then',
      'toJSON',
      'constructor',
      'toString',
      'valueOf',
      '_x',
      Symbol.iterator,
      Symbol.asyncIterator,
      Symbol.toPrimitive,
      Symbol.toStringTag,
    ]) {
      expect((dog as Record<PropertyKey, unknown>)[name]).toBeUndefined()
    }
    expect(JSON.stringify({ dog })).toBe('{"dog":{}}')
    inspect(dog, { depth: 5, showHidden: true })
    await h.advance(100)
    expect(calls).toBe(0)
  })

  test('row 10: what a method returns is awaited once, whatever its then does', async () => {
    let results = 0
    const tap = {
      sent: (wire: Wire, from: End, packet: Uint8Array) =>
        void (from === wire.client && from.process.name === 'worker' && (results += framesIn(packet, FrameType.result))),
    }
    await using h = harness({ tap })
    const worker = await h.client('worker')
    const twice = {
      // oxlint-disable-next-line unicorn/no-thenable -- the thing under test
      then: (resolve: (value: unknown) => void) => {
        resolve(1)
        resolve(2)
      },
    }
    await worker.expose(service<Any>('Odd@1.0.0', { twice: {}, holder: {} }), { twice: () => twice, holder: () => ({ then: () => 1 }) })
    const mallory = await peer(h)
    expect((await rawCall(mallory, 'Odd', 'twice')).value).toBe(1)
    await h.advance(10)
    expect(results).toBe(1)
  })

  test('row 10: a result cannot hold a function', async () => {
    await using h = harness()
    const worker = await h.client('worker')
    await worker.expose(service<Any>('Odd@1.0.0', { holder: {} }), { holder: () => ({ inner: { then: () => 1 } }) })
    const caller = await h.client('caller')
    await expect(caller.remote<Any>('Odd')['holder']!()).rejects.toMatchObject({ code: 'NotRepresentable', executed: 'yes' })
  })
})

function framesIn(packet: Uint8Array, type: number): number {
  if (packet.byteLength < 8 || (packet[0] === 0x01 && packet[1] === 0x6f)) return 0
  const frame = new FrameReader(2 ** 30)
  let found = 0
  frame.open(packet, 8)
  while (frame.next()) if (frame.type === type && findText(frame, Tag.destination) !== 'waybill.Router') found++
  return found
}

describe('row 27: no code is made from text', () => {
  test('row 27: the tests run where it cannot be', () => {
    // oxlint-disable no-new-func, no-implied-eval -- that they throw is the point
    expect(() => new Function('return 1')).toThrow(EvalError)
    expect(() => (0, eval)('1')).toThrow(EvalError)
    expect(() => (async () => {}).constructor('return 1')).toThrow(EvalError)
  })
})
