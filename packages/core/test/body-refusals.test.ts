/** What cannot travel is named with its path, and what is too large with limit and size; on both sides. */

import { afterEach, describe, expect, it } from 'vitest'
import {
  beyondWith,
  bodyBytes,
  defaultLimits,
  installBeyond,
  installRefusal,
  isPlain,
  isPlainEncoding,
  parseBody,
  prepareBody,
  richCodec,
  type BodyLimits,
} from '../src/body/index.js'
import { WaybillError } from '../src/errors/index.js'

class Cat {
  name = 'Tom'
}
class Failure extends Error {}

const table: readonly (readonly [message: RegExp, value: unknown])[] = [
  [/^arguments\[0\]\.cat\.meow is a function/, [{ cat: { meow: () => 1 } }]],
  [/^arguments\[1\] is a function/, [1, Cat]],
  [/^arguments\["a b"\] is a symbol/, { 'a b': Symbol('x') }],
  [/^arguments\[0\] is an instance of Cat: send plain data, or let the class extend RemoteObject/, [new Cat()]],
  [/^arguments\[0\] is an instance of Sub/, [new (class Sub extends Map {})()]],
  [/^arguments\[0\] is an instance of List/, [new (class List extends Array {})()]],
  [/^arguments\[0\] is an instance of String/, [new String('boxed')]],
  [/^arguments\[0\] is an instance of Object/, [Object.create({ inherited: 1 })]],
  [/^arguments\[0\] is an instance of a class without a name/, [Object.create(Object.create(null) as object)]],
  [/^arguments\[0\] is an instance of the error class Failure/, [new Failure('x')]],
  [/^arguments\[0\] is an instance of the error class AggregateError/, [new AggregateError([])]],
  [/^arguments\[0\] is an instance of the error class WaybillError/, [new WaybillError('Internal', 'x')]],
  [/^arguments\[0\] is a promise: await it/, [Promise.resolve(1)]],
  [/^arguments\[0\] is a regular expression/, [/x/]],
  [/^arguments\[0\] is weak/, [new WeakMap()]],
  [/^arguments\[0\] is shared memory/, [new SharedArrayBuffer(1)]],
  [/^arguments\[0\] is a stream/, [(async function* () {})()]],
  [/^arguments\[0\] is a stream/, [new ReadableStream()]],
  [/^arguments\.get\("k"\)\.constructor\.f is a function/, new Map([['k', { constructor: { f() {} } }]])],
  [
    /^arguments\.values\(\)\[1\] is a function/,
    new Map<unknown, unknown>([
      [0, 0],
      [1, Cat],
    ]),
  ],
  [/^arguments\.keys\(\)\[0\]\[0\] is a function/, new Map([[[Cat], 1]])],
  [/^arguments\[0\]\.values\(\)\[1\] is a function/, [new Set([1, Cat])]],
  [/^arguments\[0\] is a URL with an endless host/, [new URL(`http://${'a.'.repeat(2000)}b/`)]],
  [
    /^arguments could not be read: boo/,
    [
      {
        get a() {
          throw new Error('boo')
        },
      },
    ],
  ],
]

function thrown(run: () => unknown): WaybillError {
  try {
    run()
  } catch (error) {
    if (error instanceof WaybillError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('not representable', () => {
  it.each(table)('%s', (message, value) => {
    const error = thrown(() => prepareBody(value, defaultLimits, 'arguments'))
    expect(error.code).toBe('NotRepresentable')
    expect(error.message).toMatch(message)
    expect(error.message.startsWith((error.details as { path: string }).path)).toBe(true)
  })

  it('beside a long string too', () => {
    expect(thrown(() => prepareBody(['x'.repeat(2000), () => 1])).code).toBe('NotRepresentable')
  })
})

describe('a proxy that looks empty', () => {
  const proxy = new Proxy(Object.create(null) as object, { get: () => undefined, ownKeys: () => [], has: () => false })
  afterEach(() => installRefusal(undefined))

  it('is named by whoever made it', () => {
    installRefusal((value) => (value === proxy ? 'is a remote proxy' : undefined))
    expect(thrown(() => prepareBody([{ p: proxy }], defaultLimits, 'arguments')).message).toBe('arguments[0].p is a remote proxy')
    expect(thrown(() => prepareBody([proxy, undefined])).message).toBe('value[0] is a remote proxy')
    expect(thrown(() => prepareBody([proxy])).message).toBe('value[0] is a remote proxy')
    expect(thrown(() => prepareBody(proxy)).message).toBe('value is a remote proxy')
    const ordinary = new Proxy({}, {})
    installRefusal((value) => (value === ordinary ? 'is a remote proxy' : undefined))
    expect(thrown(() => prepareBody([ordinary])).message).toBe('value[0] is a remote proxy')
    expect(prepareBody([{}]).text).toBe('[{}]')
  })

  it('as a function too', () => {
    installRefusal((value) => (typeof value === 'function' ? 'is a remote method' : undefined))
    expect(thrown(() => prepareBody([() => 1])).message).toBe('value[0] is a remote method')
  })
})

describe('a bundle without what goes beyond JSON', () => {
  afterEach(() => installBeyond(beyondWith(richCodec)))

  it('refuses that by name, and carries the rest', () => {
    const date = bodyBytes(prepareBody([new Date(0)]))
    installBeyond(undefined)
    expect(thrown(() => prepareBody([new Date(0)])).code).toBe('NotRepresentable')
    expect(thrown(() => parseBody(2, date)).code).toBe('NotRepresentable')
    const bytes = new Uint8Array([1, 2])
    expect(parseBody(3, bodyBytes(prepareBody(bytes)))).toEqual(bytes)
    // Nothing is there to write it beside the JSON.
    const long = prepareBody(['x'.repeat(2000)])
    expect(long.encoding).toBe(1)
    expect(parseBody(1, bodyBytes(long))).toEqual(['x'.repeat(2000)])
  })

  it('knows beforehand what it can write and read', () => {
    installBeyond(undefined)
    const shared = {}
    const plain = [undefined, null, 1, 'x'.repeat(2000), [{ deep: [true] }], new Uint8Array(1)]
    const beyond = [
      new Date(0),
      [undefined],
      [Number.NaN],
      [new Uint8Array(1)],
      [shared, shared],
      { bigint: 1n },
      (async function* () {})(),
    ]
    expect(plain.filter((value) => !isPlain(value))).toEqual([])
    expect(beyond.filter((value) => isPlain(value))).toEqual([])
    expect([0, 1, 2, 3, 0x81, 0x82].filter(isPlainEncoding)).toEqual([0, 1, 3])
    // What cannot be read at all is for whoever writes it to refuse.
    expect(
      isPlain({
        get broken() {
          throw new Error('no')
        },
      }),
    ).toBe(true)
  })
})

/** An array in an array …, `levels` of them, around `inner`. */
function nested(levels: number, inner: unknown = 0): unknown {
  return levels === 0 ? inner : [nested(levels - 1, inner)]
}

const small: BodyLimits = { maxBodyBytes: 4000, maxDepth: 5, maxBigintDigits: 10, maxRichValues: 20, maxNumericKeys: 3, maxSegments: 2 }
const list = (count: number, value: unknown) => Array.from({ length: count }, () => value)
const byteList = (count: number) => Array.from({ length: count }, () => new Uint8Array(1))

/** Just within, just beyond, and the size that the error tells. */
const bounds: readonly (readonly [name: string, limit: keyof BodyLimits, within: unknown, beyond: unknown, size: number])[] = [
  ['bytes of JSON', 'maxBodyBytes', list(1999, 1), list(2000, 1), 4001],
  ['bytes of text', 'maxBodyBytes', ['x'.repeat(3979)], ['x'.repeat(3980)], 4001],
  ['bytes of wide text', 'maxBodyBytes', ['é'.repeat(1989)], ['é'.repeat(1990)], 4001],
  ['bytes alone', 'maxBodyBytes', new Uint8Array(4000), new Uint8Array(4001), 4001],
  ['depth', 'maxDepth', nested(5), nested(6), 6],
  ['depth of objects', 'maxDepth', { a: { a: { a: { a: { a: 1 } } } } }, { a: { a: { a: { a: { a: {} } } } } }, 6],
  ['depth to bytes', 'maxDepth', nested(4, new Uint8Array(1)), nested(5, new Uint8Array(1)), 6],
  ['depth to bytes in a rich body', 'maxDepth', [undefined, nested(3, new Uint8Array(1))], [undefined, nested(4, new Uint8Array(1))], 6],
  ['depth in maps', 'maxDepth', nested(4, new Map([[undefined, 1]])), nested(4, new Map([[undefined, []]])), 6],
  ['digits', 'maxBigintDigits', -(10n ** 9n), 10n ** 10n, 11],
  ['rich values', 'maxRichValues', list(20, undefined), list(21, undefined), 21],
  ['errors', 'maxRichValues', [new Error('a'), new Error('b')], [new Error('a'), new Error('b'), undefined], 21],
  ['numbers in a set', 'maxNumericKeys', new Set([1, 2, 3, 'x']), new Set([1, 2, 3, 4]), 4],
  ['bigints in a set', 'maxNumericKeys', new Set([1n, 2n, 3]), new Set([1n, 2n, 3n, 4]), 4],
  [
    'numbers as keys',
    'maxNumericKeys',
    new Map([
      [1, 1],
      [2, 2],
      [3, 3],
    ]),
    new Map([
      [1, 1],
      [2, 2],
      [3n, 3],
      [4, 4],
    ] as [number, number][]),
    4,
  ],
  ['segments', 'maxSegments', byteList(2), byteList(3), 3],
]

describe('too large', () => {
  it.each(bounds)('%s, when writing', (_name, limit, within, beyond, size) => {
    prepareBody(within, small)
    const error = thrown(() => prepareBody(beyond, small))
    expect([error.code, error.details]).toEqual(['TooLarge', { limit: small[limit], size }])
  })

  it.each(bounds)('%s, when reading', (_name, limit, within, beyond, size) => {
    const good = prepareBody(within)
    parseBody(good.encoding, bodyBytes(good), small)
    const bad = prepareBody(beyond)
    const error = thrown(() => parseBody(bad.encoding, bodyBytes(bad), small))
    expect([error.code, error.details]).toEqual(['TooLarge', { limit: small[limit], size }])
  })

  it('no configuration lets more segments through than their count can say', () => {
    const limits = { ...defaultLimits, maxSegments: 100_000 }
    expect(parseBody(129, bodyBytes(prepareBody(byteList(65_535), limits)), limits)).toHaveLength(65_535)
    expect(thrown(() => prepareBody(byteList(65_536), limits)).details).toEqual({ limit: 65_535, size: 65_536 })
  })

  it('long strings that find no segment stay in the JSON', () => {
    const value = ['x'.repeat(1100), 'y'.repeat(1100), 'z'.repeat(1100)]
    const prepared = prepareBody(value, small)
    expect(prepared.segments?.length).toBe(2)
    expect(parseBody(prepared.encoding, bodyBytes(prepared), small)).toEqual(value)
    const deep = prepareBody(nested(5, 'x'.repeat(1100)), small)
    expect(parseBody(deep.encoding, bodyBytes(deep), small)).toEqual(nested(5, 'x'.repeat(1100)))
  })

  it('a huge bigint is refused before it is written out', () => {
    const start = performance.now()
    expect(thrown(() => prepareBody(1n << 4_000_000n)).code).toBe('TooLarge')
    expect(performance.now() - start).toBeLessThan(1000)
  })
})
