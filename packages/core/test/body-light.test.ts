/** The codec of pages beside superjson: either reads what the other one writes, and takes and refuses the same bytes. */
import { afterEach, describe, expect, it } from 'vitest'
import { beyondWith, installBeyond, richCodec } from '../src/body/index.js'
import { bodyBytes, encodings, parseBody, prepareBody } from '../src/body/lean.js'
import { lightCodec } from '../src/body/light.js'
import type { RichCodec } from '../src/body/port.js'
import { mutate, type Encoded } from './fuzz/mutate.js'
import { same } from './fuzz/same.js'
import { Dice, randomValue } from './fuzz/values.js'

const codecs = { superjson: richCodec, light: lightCodec }

function write(codec: RichCodec, value: unknown): Encoded {
  installBeyond(beyondWith(codec))
  const prepared = prepareBody(value)
  return { encoding: prepared.encoding, bytes: bodyBytes(prepared) }
}

/** The value in a box, or the code of the refusal. */
function read(codec: RichCodec, { encoding, bytes }: Encoded): { value: unknown } | string {
  installBeyond(beyondWith(codec))
  try {
    return { value: parseBody(encoding, Uint8Array.from(bytes)) }
  } catch (thrown) {
    return (thrown as { code: string }).code
  }
}

afterEach(() => installBeyond(beyondWith(richCodec)))

describe('random values', () => {
  it('each reads what the other writes', () => {
    const dice = new Dice(20260601)
    let rich = 0
    for (let run = 0; run < 1500; run++) {
      const value = randomValue(dice)
      const bySuperjson = write(codecs.superjson, value)
      const byLight = write(codecs.light, value)
      if ((bySuperjson.encoding & 0x7f) === encodings.rich) rich++
      expect(byLight.encoding).toBe(bySuperjson.encoding)
      expect(same(read(codecs.light, bySuperjson), { value }), `light reads run ${run}`).toBe(true)
      expect(same(read(codecs.superjson, byLight), { value }), `superjson reads run ${run}`).toBe(true)
      expect(same(read(codecs.light, byLight), { value }), `light reads its own, run ${run}`).toBe(true)
    }
    expect(rich).toBeGreaterThan(500)
  })

  it('damaged, they are refused alike, or are the same value', () => {
    const dice = new Dice(20260602)
    const corpus = Array.from({ length: 64 }, () => write(codecs.superjson, randomValue(dice)))
    let taken = 0
    for (let run = 0; run < 3000; run++) {
      const body = mutate(dice, dice.pick(corpus), dice.pick(corpus))
      const [one, other] = [read(codecs.superjson, body), read(codecs.light, body)]
      if (typeof one === 'object') taken++
      const alike = typeof one === 'object' && typeof other === 'object' ? same(one, other) : one === other
      expect(alike, `run ${run}`).toBe(true)
    }
    expect(taken).toBeGreaterThan(150)
  })
})

describe('documents', () => {
  it.each([
    ['a value that is itself beyond JSON', new Date(0)],
    ['an empty key beside it', { '': new Date(0), '\\': -0, 'a.b': { '\\.': 1n } }],
    ['keys that superjson refuses', { constructor: undefined, prototype: [undefined], ['__proto__']: Number.NaN }],
    [
      'within a set and a map',
      new Map<unknown, unknown>([[new Set([1n, new Map([[new Date(1), new URL('http://a/')]])]), [undefined, -Infinity]]]),
    ],
    ['what stands there twice', [[{ a: 1 }], 0].flatMap((one) => [one, one])],
    ['errors and holes', [new TypeError('t'), new Array(2), new Error('e'), new Date(Number.NaN)]],
  ])('%s is the same document', (_what, value) => {
    const decode = ({ bytes }: Encoded): unknown => JSON.parse(new TextDecoder().decode(bytes))
    expect(decode(write(codecs.light, value))).toEqual(decode(write(codecs.superjson, value)))
  })
})
