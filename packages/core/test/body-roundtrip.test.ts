/** Whatever can travel arrives equal: types, key order, identity within the value, and every code unit. */

import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bodyBytes, parseBody, prepareBody } from '../src/body/index.js'
import { smallText } from '../src/body/small.js'
import { same } from './fuzz/same.js'

const seed = 20260101
const strings = fc.oneof(
  { weight: 6, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) },
  { weight: 2, arbitrary: fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 8 }).map((units) => String.fromCharCode(...units)) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.string({ unit: 'binary', minLength: 1, maxLength: 4 }), fc.nat(2000)).map(([unit, times]) => unit.repeat(times)),
  },
)
const keys = fc.oneof(strings, fc.constantFrom('__proto__', 'constructor', 'prototype', 'toJSON', 'then', 'a.b', '\\', '\\.', '0', ''))
const bytes = fc
  .uint8Array({ maxLength: 40 })
  .chain((array) =>
    fc.constantFrom<object>(
      array,
      array.slice().buffer,
      new DataView(array.slice().buffer),
      new Int8Array(array),
      new Uint8ClampedArray(array),
      new Uint16Array(array),
      new Float32Array(array),
      new Float64Array(array),
      BigInt64Array.from(array, BigInt),
    ),
  )
const scalars = fc.oneof(
  strings,
  fc.double(),
  fc.integer(),
  fc.boolean(),
  fc.constantFrom(null, undefined, -0, Number.NaN, Infinity, -Infinity),
  fc.bigInt(),
)
const leaves = fc.oneof(
  { weight: 5, arbitrary: scalars },
  { weight: 1, arbitrary: fc.date({ noInvalidDate: false }) },
  { weight: 1, arbitrary: bytes },
  { weight: 1, arbitrary: fc.webUrl().map((url) => new URL(url)) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom(Error, TypeError, RangeError, URIError), strings).map(([Class, message]) => new Class(message)),
  },
)

const { value: values } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    leaves,
    fc.array(tie('value'), { maxLength: 5 }),
    fc.sparseArray(tie('value'), { maxLength: 5, maxNumElements: 3 }),
    fc.array(fc.tuple(keys, tie('value')), { maxLength: 5 }).map(record),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 4 }).map((pairs) => new Map(pairs)),
    fc.array(tie('value'), { maxLength: 4 }).map((items) => new Set(items)),
    tie('value').map((item) => [item, { again: item }, new Set([item])]),
  ),
}))

function record(entries: readonly (readonly [string, unknown])[]): object {
  const object = {}
  for (const [key, value] of entries) Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true })
  return object
}

function roundTrip(value: unknown): unknown {
  const prepared = prepareBody(value)
  const encoded = bodyBytes(prepared)
  if (encoded.length > prepared.byteLengthBound) throw new Error(`${encoded.length} bytes, and the bound is ${prepared.byteLengthBound}`)
  return parseBody(prepared.encoding, encoded)
}

describe('values arrive equal', () => {
  it('of every kind, nested', () => {
    fc.assert(
      fc.property(values, (value) => same(roundTrip(value), value)),
      { numRuns: 8_000, seed },
    )
  }, 90_000)

  it('scalars in arguments, with their number', () => {
    fc.assert(
      fc.property(fc.array(scalars, { maxLength: 10 }), (args) => same(roundTrip(args), args)),
      { numRuns: 4_000, seed },
    )
  })

  it('plain JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue({ depthSize: 'medium' }), (value) => same(roundTrip(value), value)),
      { numRuns: 3_000, seed },
    )
  })

  it('a cycle through every kind of container', () => {
    const object: Record<string, unknown> = {}
    const value: unknown[] = [object]
    object['constructor'] = new Map<unknown, unknown>([
      [value, new Set<unknown>([object, value])],
      [new Uint8Array([1]), 'x'.repeat(1100)],
      [new Uint8Array([2]), 'y'.repeat(1100)],
    ])
    value.push(object['constructor'], new Date(Number.NaN), object)
    expect(same(roundTrip(value), value)).toBe(true)
  })

  it('a value that many others hold does not multiply', () => {
    let value: unknown = ['x']
    for (let i = 0; i < 60; i++) value = [value, value]
    const prepared = prepareBody(value)
    expect(prepared.byteLengthBound).toBeLessThan(20_000)
    expect(same(parseBody(prepared.encoding, bodyBytes(prepared)), value)).toBe(true)
  })

  it('more objects than the short list of the check holds, the first and the last shared', () => {
    for (const count of [5, 15, 16, 17, 40, 300]) {
      for (const at of [0, count - 1]) {
        const objects: unknown[] = Array.from({ length: count }, (_, id) => ({ id }))
        expect(prepareBody(objects).encoding).toBe(1)
        objects.push(objects[at])
        expect(prepareBody(objects).encoding).toBe(2)
        expect(same(roundTrip(objects), objects)).toBe(true)
      }
    }
  })

  it('as deep as the limit allows', () => {
    let value: unknown = new Date(Number.NaN)
    for (let depth = 1; depth <= 64; depth++)
      value = new Map<unknown, unknown>([depth === 2 ? [value, 'x'.repeat(1100)] : [undefined, value]])
    expect(same(roundTrip(value), value)).toBe(true)
    let deep: unknown = []
    for (let depth = 1; depth < 64; depth++) deep = [deep]
    expect(same(roundTrip(deep), deep)).toBe(true)
  })

  it('from another realm', () => {
    const foreign: unknown = runInNewContext('({ list: [{ a: 1 }, undefined, [2]], none: Object.create(null) })')
    expect(same(roundTrip([foreign]), [{ list: [{ a: 1 }, undefined, [2]], none: {} }])).toBe(true)
  })

  it('with only what is its own, although Object.prototype has more', () => {
    Object.defineProperty(Object.prototype, 'stray', { value: 1, enumerable: true, writable: true, configurable: true })
    let texts: string[]
    try {
      texts = [prepareBody({ a: 1 }).text, prepareBody([{ a: 1 }, { b: 2 }]).text]
    } finally {
      Reflect.deleteProperty(Object.prototype, 'stray')
    }
    expect(texts).toEqual(['{"a":1}', '[{"a":1},{"b":2}]'])
  })

  it('while a getter of the value sends another value, whose getter sends a third', () => {
    const shared = [[1]]
    const encodings: number[] = []
    const send = (value: unknown) => {
      encodings.push(prepareBody(value).encoding)
      return 0
    }
    const inmost = {
      get c() {
        return send([[[1]], {}])
      },
    }
    const inner = {
      get b() {
        return send([inmost, shared])
      },
    }
    expect(roundTrip([shared, inner, {}])).toEqual([[[1]], { b: 0 }, {}])
    expect(new Set(encodings)).toEqual(new Set([1]))
  })
})

describe('the short way', () => {
  it('agrees about every code unit, in short text and long', () => {
    const differing: number[] = []
    for (let unit = 0; unit <= 0xffff; unit++) {
      for (const around of ['', 'a longer text ']) {
        const text = around + String.fromCharCode(unit)
        if ((smallText(text) ?? JSON.stringify(text)) !== JSON.stringify(text)) differing.push(unit)
      }
    }
    expect(differing).toEqual([])
  })

  it('writes what JSON.stringify writes, and only what is plain', () => {
    const items = fc.oneof(scalars, fc.dictionary(keys, scalars, { maxKeys: 3 }))
    let taken = 0
    fc.assert(
      fc.property(fc.oneof(items, fc.array(items, { maxLength: 4 })), (value) => {
        const text = smallText(value)
        if (text === undefined) return true
        taken++
        return text === JSON.stringify(value) && same(JSON.parse(text), value)
      }),
      { numRuns: 6_000, seed },
    )
    expect(taken).toBeGreaterThan(1_500)
  })
})
