/** A proxy is looked at in every way that programs look at objects, and nothing is sent; only calling a method calls. */
import { service, type Client } from '@waybill/client'
import { harness, type Harness } from '@waybill/testkit'
import { Console } from 'node:console'
import { Writable } from 'node:stream'
import { inspect, isDeepStrictEqual, types } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

interface Dog {
  bark(times: number): string
}

let h: Harness
let caller: Client
let calls: number
let dog: Record<PropertyKey, unknown> & Dog

beforeEach(async () => {
  h = harness()
  calls = 0
  const worker = await h.client('kennel')
  await worker.expose(service<Dog>('Dog@1.0.0', { bark: {} }), { bark: (times) => (calls++, 'wau'.repeat(times)) })
  caller = await h.client('caller')
  dog = caller.remote<Dog>('Dog@^1') as unknown as typeof dog
})
afterEach(async () => {
  await h.advance(100)
  expect(calls).toBe(0)
  expect(h.router.load.pendingCalls).toBe(0)
  expect(await dog.bark(1)).toBe('wau')
  await h[Symbol.asyncDispose]()
})

const proxyAndMethod: readonly [string, () => unknown][] = [
  ['the proxy', () => dog],
  ['a method', () => dog.bark],
]

describe.each(proxyAndMethod)('%s', (_what, it) => {
  test('survives await, resolve and all', async () => {
    expect(await it()).toBe(it())
    expect(await Promise.resolve(it())).toBe(it())
    expect(await Promise.all([it(), 1])).toEqual([it(), 1])
    expect(await (async () => it())()).toBe(it())
    expect(await new Promise((resolve) => resolve(it()))).toBe(it())
  })

  test('survives JSON', () => {
    expect(JSON.stringify([it()])).toMatch(/^\[(?:\{\}|null)\]$/)
    expect(JSON.stringify({ it: it(), n: 1 })).toMatch(/"n":1/)
  })

  test('survives console.log and inspect', () => {
    const out: string[] = []
    const console = new Console(new Writable({ write: (chunk: Buffer, _encoding, done) => (out.push(chunk.toString()), done()) }))
    console.log(it())
    console.dir(it(), { depth: null })
    console.log('%s %o %O %j', it(), it(), it(), it())
    expect(out).toHaveLength(3)
    // Options may hold secrets.
    expect(out.slice(0, 2).join('')).not.toContain('options')
    for (const showProxy of [false, true])
      for (const showHidden of [false, true]) expect(inspect(it(), { showProxy, showHidden, getters: true })).not.toBe('')
  })

  test('survives being compared', () => {
    expect(it()).toEqual(it())
    expect(it()).toStrictEqual(it())
    expect(it()).not.toEqual({ a: 1 })
    expect({ it: it() }).toEqual({ it: it() })
    expect(isDeepStrictEqual(it(), {})).toBe(false)
    expect(isDeepStrictEqual(it(), it())).toBe(true)
    expect([it()].includes(it())).toBe(true)
    expect(new Map([[it(), 1]]).get(it())).toBe(1)
  })

  test('is not cloned', () => {
    expect(() => structuredClone(it())).toThrow(expect.objectContaining({ name: 'DataCloneError' }))
    expect(() => structuredClone({ deep: [it()] })).toThrow(expect.objectContaining({ name: 'DataCloneError' }))
  })

  test('has no keys, and answers no symbol', () => {
    const object = it() as object
    expect(Object.keys(object)).toEqual([])
    expect(Object.entries(object)).toEqual([])
    expect(Reflect.ownKeys({ ...object })).toEqual([])
    expect(Object.getOwnPropertySymbols(object).map(String)).not.toContain('Symbol(Symbol.iterator)')
    const visited: string[] = []
    for (const key in object) visited.push(key)
    expect(visited.filter((key) => !['with', 'async', 'send', 'callback', 'all', 'prepare'].includes(key))).toEqual([])
    for (const symbol of [
      Symbol.iterator,
      Symbol.asyncIterator,
      Symbol.toStringTag,
      Symbol.asyncDispose,
      Symbol.for('nodejs.util.inspect.custom'),
    ]) {
      expect((object as Record<symbol, unknown>)[symbol]).toBeUndefined()
    }
    expect(() => [...(object as Iterable<unknown>)]).toThrow(TypeError)
    expect(types.isPromise(object)).toBe(false)
  })
})

test('the proxy answers in with false, and cannot be changed', () => {
  expect(Reflect.ownKeys(dog)).toEqual([])
  for (const name of ['bark', 'then', 'toString', 'constructor', Symbol.iterator]) expect(name in dog).toBe(false)
  const bark = dog.bark
  expect(() => Object.assign(dog, { bark: () => 'miau' })).toThrow(TypeError)
  expect(() => delete (dog as { bark?: unknown }).bark).toThrow(TypeError)
  expect(() => Object.defineProperty(dog, 'bark', { value: 1 })).toThrow(TypeError)
  expect(() => Object.setPrototypeOf(dog, {})).toThrow(TypeError)
  expect(() => Object.freeze(dog)).toThrow(TypeError)
  expect(dog.bark).toBe(bark)
  expect(Object.getPrototypeOf(dog)).not.toBe(Object.prototype)
  expect(dog instanceof Promise).toBe(false)
})

test('a method has its modes and nothing of Function', () => {
  const bark = dog.bark as unknown as Record<string, unknown>
  for (const name of ['apply', 'call', 'bind', 'name', 'length', 'arguments', 'caller', 'prototype', 'toString', 'constructor', 'then']) {
    expect([name, bark[name]]).toEqual([name, undefined])
  }
  for (const name of ['with', 'async', 'send', 'callback', 'all', 'prepare']) expect(typeof bark[name]).toBe('function')
  expect(dog.bark).toBe(dog.bark)
  expect(`${dog.bark as unknown as string}`).toBe('Dog@^1.bark')
  expect(() => `${dog as unknown as string}`).toThrow(TypeError)
})

test('as an argument it is refused by name, and nothing is sent', async () => {
  const call = (dog.bark as unknown as (dog: unknown) => Promise<string>)(dog)
  await expect(call).rejects.toMatchObject({ code: 'NotRepresentable', executed: 'no' })
})

test('a wrong address or option is refused at once', () => {
  const remote = (address: string, options?: object) => () => caller.remote(address, options as never)
  expect(remote('Dog@^1')).not.toThrow()
  for (const address of ['', 'a b', 'Dog@', '/Dog', 'a/b/c', 'Dog?x', 'Dog?a=1?b=2', 'Dög', '.Dog', 'Dog.']) {
    expect(remote(address), address).toThrow(expect.objectContaining({ code: 'BadAddress' }))
  }
  for (const options of [{ on: 'a b' }, { version: '\n' }, { where: { 'a b': 'c' } }, { timeOut: 1 }]) {
    expect(remote('Dog', options), JSON.stringify(options)).toThrow(expect.objectContaining({ code: 'BadAddress' }))
  }
})
