/** The slicer beside `JSON.parse`: it takes the same texts, and each slice is what stands there. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkJson, MAX_MESSAGE_DEPTH, membersOf } from '../src/gateways/json-slices.js'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

function takes(bytes: Uint8Array): boolean {
  try {
    checkJson(bytes)
    return true
  } catch (thrown) {
    expect(thrown).toMatchObject({ code: expect.stringMatching(/^(?:ProtocolViolation|TooLarge)$/) })
    return false
  }
}

function parses(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const noProto = { noNullPrototype: true, depthSize: 'small' as const }
const json = fc.json(noProto).filter((text) => !text.includes('__proto__') && !text.includes('\\u00'))
const gap = fc.constantFrom('', ' ', '\n', '\t\r ')
const piece = fc.constantFrom(
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '\\',
  '\\u00e9',
  '\\ud800',
  '0',
  '-',
  '1e400',
  '.5',
  'true',
  'nul',
  '"a":',
  'é',
  '\u0000',
)

describe('what is taken', () => {
  test('the same as by JSON.parse, whatever is done to a text', () => {
    fc.assert(
      fc.property(json, piece, fc.nat(), fc.nat(3), (text, put, place, cut) => {
        const at = place % (text.length + 1)
        const changed = text.slice(0, at) + put + text.slice(at + cut)
        fc.pre(!/__proto__/.test(changed))
        // Half of a pair has no UTF-8 of its own.
        fc.pre(changed.isWellFormed())
        for (const one of [text, changed]) expect([one, takes(encoder.encode(one))]).toEqual([one, parses(one)])
      }),
      { numRuns: 400 },
    )
  })

  test('the same for texts of nothing but punctuation and numbers', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const text = pieces.join('')
        expect([text, takes(encoder.encode(text))]).toEqual([text, parses(text)])
      }),
      { numRuns: 100 },
    )
  })

  test.each(['-0', '0.0', '1E+5', '1e-400', '12345678901234567890', '"\\/\\b\\u0000\\uDBFF"', ' [ ] ', '{ "a" : { } }'])('%s', (text) => {
    expect(takes(encoder.encode(text))).toBe(true)
  })

  test.each([
    '',
    ' ',
    '01',
    '1.',
    '-',
    '+1',
    '.5',
    '1e',
    'NaN',
    '"\\x"',
    '"\\u12g4"',
    '"\t"',
    '[1,]',
    '{"a"}',
    '{a:1}',
    '1 2',
    '\ufeff1',
    "'a'",
  ])('not %j', (text) => {
    expect(takes(encoder.encode(text))).toBe(false)
  })

  test('bytes that are no UTF-8 are refused', () => {
    for (const bytes of [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82]]) {
      expect(takes(Uint8Array.from([0x22, ...bytes, 0x22]))).toBe(false)
    }
    expect(takes(encoder.encode('"\ufffd"'))).toBe(true)
  })

  test('depth is bounded, and counted without recursion that could overflow', () => {
    const nested = (depth: number): Uint8Array => encoder.encode('['.repeat(depth) + ']'.repeat(depth))
    expect(takes(nested(MAX_MESSAGE_DEPTH))).toBe(true)
    expect(() => checkJson(nested(MAX_MESSAGE_DEPTH + 1))).toThrow(expect.objectContaining({ code: 'TooLarge' }))
    expect(() => checkJson(encoder.encode('{"a":'.repeat(1_000_000)))).toThrow(expect.objectContaining({ code: 'TooLarge' }))
  })

  test('a key __proto__ is refused however it is written and wherever it stands; as a value it may stand', () => {
    for (const text of ['{"__proto__":1}', '[{"a":{"__proto__":{}}}]', String.raw`{"\u005f_proto_\u005F":1}`]) {
      expect([text, takes(encoder.encode(text))]).toEqual([text, false])
    }
    expect(takes(encoder.encode('{"a":"__proto__","constructor":1,"__proto___":2}'))).toBe(true)
  })
})

describe('slices', () => {
  test('each member is the text that stands there', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(fc.string({ unit: 'binary' }), json), { selector: ([key]) => key, maxLength: 5 }),
        gap,
        (members, space) => {
          fc.pre(members.every(([key]) => key !== '__proto__' && key.isWellFormed()))
          const inner = members.map(([key, text]) => [JSON.stringify(key), text].join(`${space}:${space}`)).join(`${space},${space}`)
          const bytes = encoder.encode(`${space}{${space}${inner}${space}}${space}`)
          checkJson(bytes)
          const cut = [...membersOf(bytes)!].map(([key, slice]) => [key, decoder.decode(slice)])
          expect(cut).toEqual(members.map(([key, text]) => [key, text.trim()]))
        },
      ),
      { numRuns: 100 },
    )
  })

  test('numbers, spaces and the order of keys survive', () => {
    const members = membersOf(encoder.encode('{"b":1e400,"a": { "z" : 12345678901234567890, "y":-0 } ,"c":[1.0 ]}'))!
    expect([...members].map(([key, slice]) => `${key}=${decoder.decode(slice)}`)).toEqual([
      'b=1e400',
      'a={ "z" : 12345678901234567890, "y":-0 }',
      'c=[1.0 ]',
    ])
  })

  test('a key that stands twice is refused, however it is written; what is no object has no members', () => {
    const twice = encoder.encode(String.raw`{"sn":1,"s\u006e":2}`)
    checkJson(twice)
    expect(() => membersOf(twice)).toThrow(expect.objectContaining({ code: 'ProtocolViolation' }))
    for (const text of ['[1]', '"{}"', '1', 'null']) expect(membersOf(encoder.encode(text))).toBeUndefined()
  })
})
