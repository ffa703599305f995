/**
 * The fuzzer of the body codec. Each case is an encoded random value, damaged or not, given to the parser. It must refuse it with a
 * `WaybillError`, or make a value of allowed parts only, whose own encoding decodes to an equal value. Anything else throws here, with
 * what is needed to run that case again.
 */

import { bodyBytes, parseBody, prepareBody } from '../../src/body/index.js'
import { WaybillError } from '../../src/errors/index.js'
import { mutate, type Encoded } from './mutate.js'
import { isPlain, same } from './same.js'
import { Dice, randomValue } from './values.js'

export interface FuzzCounts {
  readonly cases: number
  readonly decoded: number
  readonly refused: number
  /** Decoded cases for each encoding. */
  readonly byEncoding: Readonly<Record<number, number>>
}

const slowMs = 2_000
const corpusSize = 64
const guarded = [Object, Array, Function, String, Number, Map, Set, Date, Error, Uint8Array].map((each) => each.prototype as object)

/** The same `runs` and `seed` make the same cases everywhere. */
export function fuzzBody(runs: number, seed: number): FuzzCounts {
  const dice = new Dice(seed)
  const corpus: Encoded[] = []
  const byEncoding: Record<number, number> = {}
  const before = fingerprint()
  let decoded = 0
  for (let run = 0; run < runs; run++) {
    // A fresh value for every fourth case: making one costs more than damaging one.
    if (corpus.length < corpusSize) corpus.push(fresh(dice, seed, run))
    else if (run % 4 === 0) corpus[dice.roll(corpusSize)] = fresh(dice, seed, run)
    let body = mutate(dice, dice.pick(corpus), dice.pick(corpus))
    if (dice.roll(4) === 0) body = mutate(dice, body, dice.pick(corpus))
    if (survives(body, seed, run)) {
      decoded++
      byEncoding[body.encoding] = (byEncoding[body.encoding] ?? 0) + 1
    }
    if ((run & 1023) === 0 && fingerprint() !== before) throw fault('a built-in prototype has changed', body, seed, run)
  }
  if (fingerprint() !== before) throw new Error(`a built-in prototype has changed (seed ${seed})`)
  return { cases: runs, decoded, refused: runs - decoded, byEncoding }
}

function fresh(dice: Dice, seed: number, run: number): Encoded {
  const value = randomValue(dice)
  const prepared = prepareBody(value)
  const bytes = bodyBytes(prepared)
  if (bytes.length > prepared.byteLengthBound) throw new Error(`the bound is too small (seed ${seed}, case ${run})`)
  const body = { encoding: prepared.encoding, bytes }
  if (!same(value, parseBody(body.encoding, bytes))) throw fault('a value does not come back equal', body, seed, run)
  return body
}

function survives(body: Encoded, seed: number, run: number): boolean {
  const start = performance.now()
  let value: unknown
  try {
    value = parseBody(body.encoding, body.bytes)
  } catch (error) {
    if (error instanceof WaybillError && (error.code === 'ProtocolViolation' || error.code === 'TooLarge')) return false
    throw fault('another exception', body, seed, run, error)
  }
  if (!isPure(value, new Set())) throw fault('a part that no decoded value may have', body, seed, run)
  let again: unknown
  try {
    const prepared = prepareBody(value)
    again = parseBody(prepared.encoding, bodyBytes(prepared))
  } catch (error) {
    throw fault('a decoded value cannot be encoded again', body, seed, run, error)
  }
  if (!same(value, again)) throw fault('a decoded value changes when it is encoded again', body, seed, run)
  if (performance.now() - start > slowMs) throw fault('too slow', body, seed, run)
  return true
}

const allowed = new Set<unknown>([Map, Set, Date, URL, ArrayBuffer, DataView, Uint8Array].map((each) => each.prototype))

/** No function, no symbol, no class, no accessor; a Buffer counts as a class. */
function isPure(value: unknown, met: Set<object>): boolean {
  if (typeof value === 'function' || typeof value === 'symbol') return false
  if (typeof value !== 'object' || value === null || met.has(value)) return true
  met.add(value)
  if (value instanceof Map) return [...value].every(([key, item]) => isPure(key, met) && isPure(item, met))
  if (value instanceof Set) return [...value].every((item) => isPure(item, met))
  if (value instanceof Error) return typeof value.name === 'string' && Object.keys(value).length === 0 && !Object.hasOwn(value, 'cause')
  if (ArrayBuffer.isView(value)) return !(value instanceof Uint8Array) || Object.getPrototypeOf(value) === Uint8Array.prototype
  if (!Array.isArray(value) && !isPlain(value)) return allowed.has(Object.getPrototypeOf(value))
  return Object.values(Object.getOwnPropertyDescriptors(value)).every((each) => 'value' in each && isPure(each.value, met))
}

function fingerprint(): string {
  return guarded.map((each) => Reflect.ownKeys(each).length).join()
}

function fault(what: string, { encoding, bytes }: Encoded, seed: number, run: number, cause?: unknown): Error {
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  const text = new TextDecoder().decode(bytes)
  return new Error(`${what}: seed ${seed}, case ${run}, encoding ${encoding}\n${text}\n${hex}`, { cause })
}
