/** What is written later is what was given at first, whatever its owner does meanwhile. */
import { expect, it } from 'vitest'
import { bodyBytes, defaultLimits, prepareBody, snapshot } from '../src/body/index.js'
import { Dice, randomValue } from './fuzz/values.js'

const { maxDepth } = defaultLimits

it('makes the same bytes as the value itself', () => {
  const dice = new Dice(20261127)
  for (let run = 0; run < 1500; run++) {
    const value = randomValue(dice)
    expect(bodyBytes(prepareBody(snapshot(value, maxDepth)))).toEqual(bodyBytes(prepareBody(value)))
  }
})

it('hears of no change', () => {
  const date = new Date(1000)
  const bytes = new Uint8Array([1, 2])
  const url = new URL('http://a.example/')
  const key = { key: true }
  const inner = [date, bytes, url]
  // oxlint-disable-next-line no-sparse-arrays -- a hole is a value of its own
  const value = { inner, map: new Map([[key, inner]]), set: new Set<unknown>([inner]), holes: [, 1], none: undefined }
  const before = bodyBytes(prepareBody(value))
  const taken = snapshot(value, maxDepth)
  date.setTime(0)
  bytes.fill(0)
  url.pathname = '/changed'
  key.key = false
  value.map.clear()
  value.set.clear()
  value.holes.push(2)
  inner.length = 0
  expect(bodyBytes(prepareBody(taken))).toEqual(before)
})

it('passes on what it cannot copy', () => {
  const stream = (async function* () {})()
  class Dog {}
  const dog = new Dog()
  const odd = {
    get broken(): never {
      throw new Error('no')
    },
  }
  expect(snapshot([stream, dog], maxDepth)).toEqual([stream, dog])
  expect((snapshot([stream], maxDepth) as unknown[])[0]).toBe(stream)
  expect((snapshot([dog], maxDepth) as unknown[])[0]).toBe(dog)
  expect(snapshot(odd, maxDepth)).toBe(odd)
  const circle: unknown[] = []
  circle.push(circle)
  const copy = snapshot(circle, maxDepth) as unknown[]
  expect(copy).not.toBe(circle)
  expect(copy[0]).toBe(copy)
})
