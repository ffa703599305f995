/** UTF-8 with and without Node's Buffer: the same bytes, the same text, the same refusals. */

import fc from 'fast-check'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { nestsDeeper } from '../src/body/nesting.js'
import { holdsProto } from '../src/body/proto.js'

async function loaded(buffer: unknown) {
  vi.resetModules()
  vi.stubGlobal('Buffer', buffer)
  const text = await import('../src/body/text.js')
  const { nativeText } = await import('../src/body/native-text.js')
  text.installNativeText(nativeText)
  vi.unstubAllGlobals()
  return { ...text, nativeText }
}

const withBuffer = await loaded(Buffer)
const without = await loaded(undefined)
afterAll(() => vi.unstubAllGlobals())

it('are two ways', () => {
  expect([withBuffer.nativeText === undefined, without.nativeText === undefined]).toEqual([false, true])
})

describe.each([
  ['Buffer', withBuffer],
  ['TextEncoder', without],
])('text by %s', (_name, { writeText, readText, textBound, textBytes }) => {
  it('writes what TextEncoder writes, within the bound, and reads it back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), fc.constantFrom(1, 1, 1, 300), fc.nat(9), (unit, times, offset) => {
        const text = unit.repeat(times)
        const expected = new TextEncoder().encode(text)
        const target = new Uint8Array(offset + textBound(text) + 1)
        const end = writeText(text, target, offset)
        expect(Buffer.compare(target.subarray(offset, end), expected)).toBe(0)
        expect(textBytes(text)).toBe(expected.length)
        expect(end - offset).toBeLessThanOrEqual(textBound(text))
        expect(readText(target, offset, end)).toBe(text)
      }),
      { numRuns: 2_000, seed: 7 },
    )
  })

  it('reads what TextDecoder reads, and refuses what it refuses', () => {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
    let refused = 0
    const pieces = fc.oneof(
      fc.uint8Array({ maxLength: 6 }),
      fc.string({ unit: 'binary', maxLength: 3 }).map((text) => new TextEncoder().encode(text)),
    )
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 4 }), (list) => {
        const bytes = Uint8Array.from(list.flatMap((piece) => [...piece]))
        let expected: string | undefined
        try {
          expected = decoder.decode(bytes)
        } catch {
          refused++
        }
        if (expected !== undefined) expect(readText(bytes, 0, bytes.length)).toBe(expected)
        else expect(() => readText(bytes, 0, bytes.length)).toThrow(expect.objectContaining({ code: 'ProtocolViolation' }))
      }),
      { numRuns: 2_000, seed: 8 },
    )
    expect(refused).toBeGreaterThan(200)
  })

  it('keeps a byte order mark and a true U+FFFD', () => {
    for (const text of ['\ufeff', '\ufeffx', '\ufffd', 'a\ufffd']) {
      const bytes = new TextEncoder().encode(text)
      expect(readText(bytes, 0, bytes.length)).toBe(text)
    }
  })
})

describe('nesting', () => {
  it('is what a reader of the JSON finds, whatever stands in strings', () => {
    const depth = (json: unknown): number =>
      typeof json === 'object' && json !== null ? 1 + Math.max(0, ...Object.values(json).map(depth)) : 0
    const noise = fc.string({ unit: fc.constantFrom('[', ']', '{', '}', '"', '\\', 'a', 'é') })
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof({ maxDepth: 12 }, noise, fc.array(tie('tree'), { maxLength: 3 }), fc.dictionary(noise, tie('tree'), { maxKeys: 3 })),
    }))
    fc.assert(
      fc.property(tree, fc.nat(10), (value, limit) => {
        const bytes = new TextEncoder().encode(` ${JSON.stringify(value)} `)
        return nestsDeeper(bytes, 1, bytes.length - 1, limit) === depth(value) > limit
      }),
      { numRuns: 3_000, seed: 9 },
    )
  })

  it('is found without the closing half', () => {
    expect(nestsDeeper(new TextEncoder().encode('['.repeat(500)), 0, 500, 64)).toBe(true)
  })
})

describe('a key __proto__', () => {
  it.each<[string, boolean]>([
    ['{"__proto__":1}', true],
    ['[1,{"a":[{"__proto__":1}]}]', true],
    ['{"\\u005f_proto__":1}', true],
    ['{"_\\u005F\\u0070roto__":1}', true],
    ['["__proto__"]', false],
    ['{"a":"__proto__"}', false],
    ['{"a":"\\"__proto__\\":"}', false],
    ['{"___proto__":1}', false],
  ])('in %s: %s', (text, found) => {
    expect(holdsProto(JSON.parse(text), text)).toBe(found)
  })

  it('is found with any of its letters escaped', () => {
    const name = '__proto__'
    for (let bits = 0; bits < 512; bits++) {
      const spelt = name
        .split('')
        .map((char, i) => ((bits >> i) & 1 ? `\\u00${char.charCodeAt(0).toString(16)}` : char))
        .join('')
      const text = `{"${spelt}":1}`
      expect(holdsProto(JSON.parse(text), text)).toBe(true)
    }
  })
})
