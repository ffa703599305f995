/** Rows 9, 10, 12 and 23 of what a peer may try: whatever the bytes are, a value of allowed parts or a `WaybillError`. */

import { afterEach, describe, expect, it } from 'vitest'
import { bodyBytes, parseBody, prepareBody } from '../src/body/index.js'
import { fuzzBody } from './fuzz/body.js'

const seed = Number(process.env['WAYBILL_SEED'] ?? 1)

describe('fuzz', () => {
  it('30,000 damaged bodies', () => {
    const counts = fuzzBody(30_000, seed)
    expect(counts.decoded + counts.refused).toBe(counts.cases)
    expect(counts.decoded / counts.cases).toBeGreaterThan(0.3)
    for (const encoding of [0, 1, 2, 3, 129, 130]) expect(counts.byEncoding[encoding]).toBeGreaterThan(20)
  }, 60_000)

  it('is the same every time', () => {
    expect(fuzzBody(500, 42)).toEqual(fuzzBody(500, 42))
  })
})

const bytesOf = (text: string) => new TextEncoder().encode(text)
const rich = (json: string, values: string, v = '1') => `{"json":${json},"meta":{"values":${values},"v":${v}}}`

const documents: readonly (readonly [name: string, text: string])[] = [
  ['a class', rich('{}', '[["class","Object"]]')],
  ['a symbol', rich('"iterator"', '[["symbol","iterator"]]')],
  ['a typed array', rich('[1]', '[["typed-array","Uint8Array"]]')],
  ['a regular expression', rich('"/(a+)+$/"', '["regexp"]')],
  ['another custom type', rich('0', '[["custom","other"]]')],
  ['an unknown type', rich('0', '["toString"]')],
  ['a type that is an object', rich('0', '[{}]')],
  ['no type', rich('0', '[]')],
  ['a third part', rich('[]', '["set",{},0]')],
  ['a path through __proto__', rich('{"a":{}}', '{"a.__proto__":["undefined"]}')],
  ['a path through constructor', rich('{"constructor":{"prototype":null}}', '{"constructor.prototype":["undefined"]}')],
  ['a path to an inherited method', rich('{}', '{"toString":["Error"]}')],
  ['a path to the length of an array', rich('[]', '{"length":["number"]}')],
  ['a path beyond an array', rich('[]', '{"0":["undefined"]}')],
  ['an index with a sign', rich('[null]', '{"+0":["undefined"]}')],
  ['an index with a zero', rich('[null]', '{"00":["undefined"]}')],
  ['a path into a string', rich('"abc"', '{"0":["undefined"]}')],
  ['a path that ends in an escape', rich('[null]', '{"0\\\\":["undefined"]}')],
  ['a bad escape', rich('{"ab":null}', '{"a\\\\b":["undefined"]}')],
  ['one place twice', rich('{"a":{"b":null}}', '{"a.b":["undefined"],"a":["Error"]}')],
  ['a place around an annotated one', rich('{"a":[null]}', '{"a.0":["undefined"],"a":["set"]}')],
  ['a place within an annotated one', rich('{"a":[["x"]]}', '{"a":["set"],"a.0":["set"]}')],
  ['children of a date', rich('"2020-01-01T00:00:00.000Z"', '["Date",{"0":["undefined"]}]')],
  ['the cause of an error', rich('{"name":"E","message":"m","cause":null}', '["Error"]')],
  ['the stack of an error', rich('{"name":"E","message":"m","stack":"at /home"}', '["Error"]')],
  ['an error whose name is an object', rich('{"name":{},"message":"m"}', '["Error"]')],
  ['an error without a message', rich('{"name":"E"}', '["Error"]')],
  ['a map whose pair is a set', rich('[["a","b"]]', '["map",{"0":["set"]}]')],
  ['a map of triples', rich('[["a","b","c"]]', '["map"]')],
  ['a map of strings', rich('["ab"]', '["map"]')],
  ['a set of an object', rich('{}', '["set"]')],
  ['an undefined that is something', rich('1', '["undefined"]')],
  ['a date that is none', rich('"2020-13-01T00:00:00.000Z"', '["Date"]')],
  ['a date in another form', rich('"1 Jan 2020"', '["Date"]')],
  ['a date in words', rich('"yesterday"', '["Date"]')],
  ['a number that JSON has', rich('"5"', '["number"]')],
  ['a number that is an object', rich('{}', '["number"]')],
  ['a bigint in hexadecimal', rich('"0x10"', '["bigint"]')],
  ['a bigint without digits', rich('""', '["bigint"]')],
  ['a bigint that is -0', rich('"-0"', '["bigint"]')],
  ['a URL that is none', rich('"no url"', '["URL"]')],
  ['a reference forward', rich('[1,[]]', '{"0":[["custom","waybill"]]}')],
  ['a reference to nothing', rich('0', '[["custom","waybill"]]')],
  ['a negative reference', rich('[-1]', '{"0":[["custom","waybill"]]}')],
  ['a reference to half an object', rich('[0.5]', '{"0":[["custom","waybill"]]}')],
  ['a hole in an object', rich('{"a":"hole"}', '{"a":[["custom","waybill"]]}')],
  ['a hole in a set', rich('["hole"]', '["set",{"0":[["custom","waybill"]]}]')],
  ['a hole alone', rich('"hole"', '[["custom","waybill"]]')],
  ['a marker that names a method', rich('"push"', '[["custom","waybill"]]')],
  ['a marker that names a field', rich('["length"]', '{"0":[["custom","waybill"]]}')],
  ['a marker of an unknown kind', rich('"door"', '[["custom","waybill"]]')],
  ['another version of annotations', rich('null', '["undefined"]', '0')],
  ['annotations of no version', '{"json":null,"meta":{"values":["undefined"]}}'],
  ['referential equalities', '{"json":[{},null],"meta":{"values":{},"referentialEqualities":{"0":["1"]},"v":1}}'],
  ['annotations that are text', rich('null', '"undefined"')],
  ['annotations that are null', rich('null', 'null')],
  ['nested children without a type', rich('{"a":{"b":null}}', '{"a":{"b":["undefined"]}}')],
  ['no json', '{"meta":{"values":{},"v":1}}'],
  ['a document that is a list', '[]'],
  ['a document that is null', 'null'],
  ['a key __proto__ in the document', rich('{"__proto__":{"polluted":1}}', '{}')],
  ['a key __proto__ in the annotations', rich('{"a":null}', '{"__proto__":["undefined"]}')],
  ['a document whose json is inherited', '{"__proto__":{"json":1}}'],
]

describe('rich documents that no writer makes', () => {
  it.each(documents)('%s', (_name, text) => {
    expect(() => parseBody(2, bytesOf(text))).toThrow(expect.objectContaining({ code: 'ProtocolViolation' }))
  })
})

/** A segmented body whose text and segments are given. */
function segmented(text: string, segments: readonly (readonly [kind: number, bytes: readonly number[]])[]): Uint8Array {
  const u32 = (value: number) => [value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24]
  const table = segments.flatMap(([kind, bytes]) => [kind, ...u32(bytes.length)])
  const encoded = bytesOf(text)
  return Uint8Array.from([
    ...u32(encoded.length),
    segments.length & 255,
    segments.length >> 8,
    ...table,
    ...encoded,
    ...segments.flatMap(([, bytes]) => bytes),
  ])
}

const one: readonly [number, readonly number[]] = [1, [7]]

/** Two segments of -4 and 8 bytes, for a reader that takes lengths for signed. */
function cancelling(): Uint8Array {
  const body = segmented('[[[],[]],[0],[1]]', [
    [1, []],
    [1, [1, 2, 3, 4]],
  ])
  const view = new DataView(body.buffer)
  view.setInt32(7, -4, true)
  view.setInt32(12, 8, true)
  return body
}

describe('segmented bodies that no writer makes', () => {
  it('the form is right', () => {
    expect(parseBody(129, segmented('[[[]],[0]]', [one]))).toEqual([new Uint8Array([7])])
  })

  it.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array(0)],
    ['half a head', new Uint8Array(5)],
    ['a table beyond the end', Uint8Array.from([0, 0, 0, 0, 255, 255])],
    ['lengths that wrap around', Uint8Array.from([255, 255, 255, 255, 1, 0, 1, 9, 0, 0, 0, 91, 93])],
    ['lengths that cancel each other', cancelling()],
    ['a byte too many', Uint8Array.from([...segmented('[[]]', []), 0])],
    ['text that is no list', segmented('{}', [])],
    ['an empty list', segmented('[]', [])],
    ['a path too few', segmented('[[[]]]', [one])],
    ['a path too many', segmented('[[[]],[0]]', [])],
    ['a path that is no list', segmented('[[[]],0]', [one])],
    ['one place twice', segmented('[[[]],[0],[0]]', [one, one])],
    ['a path into a segment', segmented('[[[]],[0],[0,0]]', [one, one])],
    ['a path into a text segment', segmented('[[[]],[0],[0,"length"]]', [[0, [65]], one])],
    ['a place that is not empty', segmented('[[[1]],[0]]', [one])],
    ['a place that is an object', segmented('[[{}],[0]]', [one])],
    ['an index as text', segmented('[[[]],["0"]]', [one])],
    ['half an index', segmented('[[[]],[0.5]]', [one])],
    ['a negative index', segmented('[[[]],[-1]]', [one])],
    ['an inherited key', segmented('[{},["toString"]]', [one])],
    ['a prototype', segmented('[{"a":[]},["__proto__","x"]]', [one])],
    ['the length of an array', segmented('[[],["length"]]', [one])],
    ['an unknown kind', segmented('[[[]],[0]]', [[14, []]])],
    ['half an element', segmented('[[[]],[0]]', [[6, [1]]])],
    ['text that is not UTF-8', segmented('[[[]],[0]]', [[0, [255]]])],
    ['an own key __proto__', segmented('[{"__proto__":[]},["__proto__"]]', [one])],
  ])('%s', (_name, bytes) => {
    expect(() => parseBody(129, bytes)).toThrow(expect.objectContaining({ code: 'ProtocolViolation' }))
  })

  it('an annotation of a place that a segment fills', () => {
    const good = segmented(`[${rich('[[]]', '{}')},[0]]`, [one])
    expect(parseBody(130, good)).toEqual([new Uint8Array([7])])
    for (const values of ['{"0":["set"]}', '{"0":["map"]}', '{"0.0":["undefined"]}', '{"0":["Error"]}']) {
      const bytes = segmented(`[${rich('[[]]', values)},[0]]`, [one])
      expect(() => parseBody(130, bytes)).toThrow(expect.objectContaining({ code: 'ProtocolViolation' }))
    }
  })
})

describe('other encodings', () => {
  it.each<[number, string]>([
    [0, 'x'],
    [1, ''],
    [1, '{'],
    [1, '{"__proto__":{}}'],
    [4, ''],
    [128, ''],
    [131, ''],
    [256, ''],
    [-1, ''],
    [Number.NaN, ''],
  ])('%d with %j', (encoding, text) => {
    expect(() => parseBody(encoding, bytesOf(text))).toThrow(expect.objectContaining({ code: 'ProtocolViolation' }))
  })
})

describe('pollution', () => {
  afterEach(() => expect(({} as { polluted?: unknown }).polluted).toBeUndefined())

  it('a key __proto__ arrives as data on an object without a prototype', () => {
    const value: unknown = JSON.parse('{"__proto__":{"polluted":1},"a":1}')
    const prepared = prepareBody(value)
    const back = parseBody(prepared.encoding, bodyBytes(prepared)) as Record<string, unknown>
    expect(Object.getPrototypeOf(back)).toBeNull()
    expect(back['__proto__']).toEqual({ polluted: 1 })
    expect(Object.keys(back)).toEqual(['__proto__', 'a'])
  })

  it('keys constructor and prototype are data', () => {
    for (const extra of [0, undefined]) {
      const value = { constructor: { prototype: { polluted: 1 } }, extra }
      const prepared = prepareBody(value)
      const back = parseBody(prepared.encoding, bodyBytes(prepared)) as typeof value
      expect(back.constructor.prototype).toEqual({ polluted: 1 })
      expect(Object.hasOwn(back, 'extra')).toBe(true)
    }
  })

  it('an error of a name from the wire gets no class but the language’s', () => {
    for (const name of ['Function', 'Object', '__proto__', 'constructor', 'WaybillError']) {
      const error = parseBody(2, bytesOf(rich(`{"name":"${name}","message":"m"}`, '["Error"]'))) as Error
      expect(Object.getPrototypeOf(error)).toBe(Error.prototype)
      expect(error.name).toBe(name)
    }
    const typed = parseBody(2, bytesOf(rich('{"name":"TypeError","message":"m"}', '["Error"]'))) as Error
    expect(typed).toBeInstanceOf(TypeError)
    expect(typed.stack).toBe('TypeError: m')
  })

  it('what an error keeps to itself', () => {
    const error = Object.assign(new Error('m', { cause: new Error('secret') }), { path: '/home/secret' })
    expect(new TextDecoder().decode(bodyBytes(prepareBody([error])))).not.toContain('secret')
  })
})
