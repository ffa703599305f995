/** The trie of subscriptions, beside asking each pattern. */
import { topicMatches } from '@waybill/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Topics } from '../src/topics.js'

const name = fc.constantFrom('a', 'b', 'c')
const topic = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('.'))
const pattern = fc
  .tuple(fc.array(fc.oneof(name, fc.constant('*')), { maxLength: 3 }), fc.boolean())
  .map(([names, rest]) => (rest || names.length === 0 ? [...names, '**'] : names).join('.'))
const held = fc.array(fc.record({ pattern, subscriber: fc.nat(5) }), { maxLength: 30 })

function found(topics: Topics<number>, one: string): readonly number[] {
  const all: number[] = []
  topics.match(one, (subscriber) => all.push(subscriber))
  return all.toSorted()
}

test('finds who holds a pattern that covers the topic, once for each such pattern', () => {
  fc.assert(
    fc.property(held, fc.array(topic, { minLength: 1 }), (subscriptions, asked) => {
      const topics = new Topics<number>()
      for (const one of subscriptions) topics.add(one.pattern, one.subscriber)
      for (const one of asked) {
        const expected = new Set(
          subscriptions
            .filter((subscription) => topicMatches(subscription.pattern, one))
            .map((subscription) => `${subscription.pattern} ${subscription.subscriber}`),
        )
        expect(found(topics, one)).toEqual([...expected].map((text) => Number(text.split(' ')[1])).toSorted())
      }
    }),
  )
})

test('what is taken back is not found, and nothing is left of it', () => {
  fc.assert(
    fc.property(held, held, topic, (staying, going, asked) => {
      const topics = new Topics<number>()
      for (const one of [...staying, ...going]) topics.add(one.pattern, one.subscriber)
      const only = new Topics<number>()
      for (const one of staying) only.add(one.pattern, one.subscriber)
      for (const one of going) topics.remove(one.pattern, one.subscriber)
      expect(found(topics, asked)).toEqual(found(only, asked))
      expect(topics.size).toBe(only.size)
      for (const one of staying) topics.remove(one.pattern, one.subscriber)
      expect(topics.size).toBe(0)
    }),
  )
})

test('taking back what is not there changes nothing', () => {
  const topics = new Topics<number>()
  topics.add('a.b', 1)
  topics.remove('a.b', 2)
  topics.remove('a.b.c', 1)
  topics.remove('a.*', 1)
  topics.remove('a', 1)
  expect(found(topics, 'a.b')).toEqual([1])
  expect(topics.size).toBe(2)
})

test('a topic costs no more for what others subscribe to', () => {
  const topics = new Topics<number>()
  for (let n = 0; n < 100_000; n++) topics.add(`dog.${n}.barked`, n)
  const began = performance.now()
  for (let n = 0; n < 10_000; n++) expect(found(topics, `dog.${n}.barked`)).toEqual([n])
  expect(performance.now() - began).toBeLessThan(2000)
})
