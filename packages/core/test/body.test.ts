/** Golden table of the body: value ↔ encoding and bytes. A change here is a change of the protocol. */

import { describe, expect, it } from 'vitest'
import { bodyBytes, defaultLimits, parseBody, prepareBody, prepareBytes, writeBody } from '../src/body/index.js'
import { same } from './fuzz/same.js'

const cyclic: Record<string, unknown> = { a: 1 }
cyclic['self'] = cyclic
const shared = { d: 1 }
const long = 'é'.repeat(1025)

const meta = (values: string) => `"meta":{"values":${values},"v":1}}`
const marked = '[["custom","waybill"]]'

const texts: readonly (readonly [name: string, value: unknown, encoding: number, text: string])[] = [
  ['nothing', undefined, 0, ''],
  ['null', null, 1, 'null'],
  ['true', true, 1, 'true'],
  ['a number', 1e21, 1, '1e+21'],
  ['a string with what JSON escapes', 'a"\\\n', 1, '"a\\"\\\\\\n"'],
  ['a lone surrogate', '\ud800', 1, '"\\ud800"'],
  ['arguments', ['hello', 42, false, null], 1, '["hello",42,false,null]'],
  ['an object among arguments', [{ b: 1, a: 'x' }, 2], 1, '[{"b":1,"a":"x"},2]'],
  ['an empty array', [], 1, '[]'],
  ['an empty object', {}, 1, '{}'],
  ['a null prototype', Object.assign(Object.create(null) as object, { a: 1 }), 1, '{"a":1}'],
  ['a key constructor', { constructor: 1 }, 1, '{"constructor":1}'],
  ['a trailing undefined', [1, undefined], 2, `{"json":[1,null],${meta('{"1":["undefined"]}')}`],
  ['-0', -0, 2, `{"json":"-0",${meta('["number"]')}`],
  [
    'NaN and the infinities',
    [Number.NaN, Infinity, -Infinity],
    2,
    `{"json":["NaN","Infinity","-Infinity"],${meta('{"0":["number"],"1":["number"],"2":["number"]}')}`,
  ],
  ['a bigint', 10n, 2, `{"json":"10",${meta('["bigint"]')}`],
  ['a date', new Date(0), 2, `{"json":"1970-01-01T00:00:00.000Z",${meta('["Date"]')}`],
  ['an invalid date', new Date(Number.NaN), 2, `{"json":"invalid date",${meta(marked)}`],
  ['a map', new Map([['k', 1n]]), 2, `{"json":[["k","1"]],${meta('["map",{"0.1":["bigint"]}]')}`],
  ['a set', new Set(['a']), 2, `{"json":["a"],${meta('["set"]')}`],
  ['a URL', new URL('http://a/b'), 2, `{"json":"http://a/b",${meta('["URL"]')}`],
  ['an error', new TypeError('t'), 2, `{"json":{"name":"TypeError","message":"t"},${meta('["Error"]')}`],
  ['a hole', Object.assign(Array(2), { 1: 0 }) as unknown, 2, `{"json":["hole",0],${meta(`{"0":${marked}}`)}`],
  ['a shared object', [shared, shared], 2, `{"json":[{"d":1},1],${meta(`{"1":${marked}}`)}`],
  ['a cycle', cyclic, 2, `{"json":{"a":1,"self":0},${meta(`{"self":${marked}}`)}`],
  [
    'dangerous keys',
    JSON.parse('{"__proto__":1,"constructor":2,"prototype":3,"\\\\x":4}'),
    2,
    '{"json":{"\\\\__proto__":1,"\\\\constructor":2,"\\\\prototype":3,"\\\\\\\\x":4}}',
  ],
]

describe('values and their bytes', () => {
  it.each(texts)('%s', (_name, value, encoding, text) => {
    const prepared = prepareBody(value)
    const bytes = bodyBytes(prepared)
    expect([prepared.encoding, new TextDecoder().decode(bytes)]).toEqual([encoding, text])
    expect(same(parseBody(encoding, bytes), value)).toBe(true)
  })

  it('bytes alone', () => {
    const prepared = prepareBody(Buffer.from([1, 255]))
    expect([prepared.encoding, bodyBytes(prepared)]).toEqual([3, new Uint8Array([1, 255])])
    expect(prepareBytes(new Uint8Array([7])).encoding).toBe(3)
  })

  it.each<[string, unknown, number, string]>([
    ['bytes', [new Uint8Array([1, 2])], 129, '09000000 0100 01 02000000 5b5b5b5d5d2c5b305d5d 0102'],
    ['elements', { f: new Uint16Array([0x0102]) }, 129, '10000000 0100 06 02000000 5b7b2266223a5b5d7d2c5b2266225d5d 0201'],
    ['bytes as a key', new Map([[new Uint8Array([9]).buffer, 0]]), 130, ''],
    ['text', long, 129, ''],
  ])('%s beside the JSON', (_name, value, encoding, hex) => {
    const prepared = prepareBody(value)
    const bytes = bodyBytes(prepared)
    expect(prepared.encoding).toBe(encoding)
    const expected = hex.replaceAll(' ', '')
    if (expected !== '') {
      const length = (expected.length / 2 - 11 - 2).toString(16).padStart(2, '0')
      expect(Buffer.from(bytes).toString('hex')).toBe(length + expected.slice(2))
    }
    expect(same(parseBody(encoding, bytes), value)).toBe(true)
  })

  it('a view of part of a buffer, as a Uint8Array where it was a Buffer', () => {
    const value = [Buffer.from('hi'), new Uint8Array([1, 2, 3]).subarray(1), new DataView(new ArrayBuffer(9), 3, 2)]
    const back = parseBody(129, bodyBytes(prepareBody(value))) as Uint8Array[]
    expect(back[0]).toEqual(new Uint8Array([104, 105]))
    expect(back[1]).toEqual(new Uint8Array([2, 3]))
    expect([back[2]!.byteLength, back[2]!.byteOffset]).toEqual([2, 0])
  })

  it('the text of a segmented body is [document, path …]', () => {
    const bytes = bodyBytes(prepareBody([{ a: long, b: new Uint8Array([5]) }]))
    const view = new DataView(bytes.buffer)
    expect([view.getUint16(4, true), bytes[6], view.getUint32(7, true), bytes[11], view.getUint32(12, true)]).toEqual([2, 0, 2050, 1, 1])
    const text = new TextDecoder().decode(bytes.subarray(16, 16 + view.getUint32(0, true)))
    expect(text).toBe('[[{"a":[],"b":[]}],[0,"a"],[0,"b"]]')
    expect(bytes.length).toBe(16 + text.length + 2051)
  })
})

describe('writing into a packet', () => {
  it('writes from the offset, within the bound, and nothing else', () => {
    for (const value of [undefined, 'é', ['hello'], [long, new Uint8Array(9)], [new Date(0)], new Uint8Array(5)]) {
      const prepared = prepareBody(value)
      const target = new Uint8Array(prepared.byteLengthBound + 20).fill(0xee)
      const end = writeBody(prepared, target, 10)
      expect(end - 10).toBeLessThanOrEqual(prepared.byteLengthBound)
      expect(target.slice(10, end)).toEqual(bodyBytes(prepared))
      expect([...target.slice(0, 10), ...target.slice(-10)]).toEqual(Array(20).fill(0xee))
    }
  })

  it('does not touch the value', () => {
    const value = { list: [new Uint8Array([1]), long, new Map([[1, undefined]])], constructor: -0 }
    const before = structuredClone(value)
    prepareBody(value)
    expect(same(value, before)).toBe(true)
  })
})

describe('whose bytes', () => {
  const packet = bodyBytes(prepareBody([new Uint8Array(5000).fill(7)]))

  it('lent bytes are copied', () => {
    const [array] = parseBody(129, packet) as [Uint8Array]
    expect(array.buffer).not.toBe(packet.buffer)
  })

  it('given bytes are shared when they are most of the buffer, and never as a Buffer', () => {
    const [array] = parseBody(129, Buffer.from(packet.buffer), defaultLimits, 'given') as [Uint8Array]
    expect(array.buffer).toBe(packet.buffer)
    expect(Object.getPrototypeOf(array)).toBe(Uint8Array.prototype)
    const larger = new Uint8Array(packet.length * 3)
    larger.set(packet, 100)
    const [copy] = parseBody(129, larger.subarray(100, 100 + packet.length), defaultLimits, 'given') as [Uint8Array]
    expect(copy.buffer.byteLength).toBe(5000)
  })
})
