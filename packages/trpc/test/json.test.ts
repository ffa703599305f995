import { describe, expect, test } from 'vitest'
import { jsonOf } from '../src/json.js'

class Point {
  readonly x = 1
  get y(): number {
    return 2
  }
}

describe('jsonOf', () => {
  test('leaves alone what JSON says as it is', () => {
    const plain = { list: [1, 'two', null, true], inner: { deep: [{}] } }
    expect(jsonOf(plain)).toBe(plain)
    const text = 'x'.repeat(100_000)
    expect(jsonOf(text)).toBe(text)
    expect(jsonOf(undefined)).toBeUndefined()
  })

  test.each([
    { date: new Date(0) },
    { gone: undefined, list: [undefined, () => {}] },
    { number: [Number.NaN, -0, Number.POSITIVE_INFINITY] },
    new Map([[1, 2]]),
    new Uint8Array([1, 2]),
    { bytes: new Uint8Array([1, 2]) },
    new Point(),
    { toJSON: () => 'itself' },
    [new Date(0), [new Point()]],
  ])('else it is what comes back from JSON: %o', (value) => {
    expect(jsonOf(value)).toEqual(JSON.parse(JSON.stringify(value)))
  })

  test('what it cannot say at all is thrown, and a function is nothing', () => {
    const cyclic: Record<string, unknown> = {}
    cyclic['self'] = cyclic
    expect(() => jsonOf(cyclic)).toThrow(TypeError)
    expect(() => jsonOf({ big: 1n })).toThrow(TypeError)
    expect(jsonOf(() => {})).toBeUndefined()
  })
})
