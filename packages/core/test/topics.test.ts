/** Topics and patterns: what is well formed, and what covers what, beside a definition that is too plain to be wrong. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { checkEvent, checkPattern, checkTopic, isPattern, isTopic, MAX_TOPIC_LENGTH, topic, topicMatches } from '../src/index.js'

const name = fc.stringMatching(/^[ab]{1,2}$/)
const topics = fc.array(name, { minLength: 1, maxLength: 4 })
const patterns = fc
  .tuple(fc.array(fc.oneof(name, fc.constant('*')), { maxLength: 4 }), fc.boolean())
  .map(([names, rest]) => (rest || names.length === 0 ? [...names, '**'] : names))

function covers(pattern: readonly string[], names: readonly string[]): boolean {
  if (pattern.at(-1) === '**') {
    const before = pattern.slice(0, -1)
    return names.length > before.length && covers(before, names.slice(0, before.length))
  }
  return pattern.length === names.length && pattern.every((one, at) => one === '*' || one === names[at])
}

describe('what is well formed', () => {
  test.each(['dog', 'dog.barked', 'a.B-c._9', 'x'.repeat(64), `${'x.'.repeat(15)}x`, `${'x'.repeat(64)}.`.repeat(3) + 'x'.repeat(60)])(
    'topic %s',
    (text) => {
      expect(isTopic(text)).toBe(true)
      expect(isPattern(text)).toBe(true)
      expect(checkTopic(text)).toBe(text)
    },
  )

  test.each([
    '',
    '.',
    'dog.',
    '.dog',
    'a..b',
    'dog bark',
    'dög',
    'a/b',
    'x'.repeat(65),
    'x.'.repeat(128),
    `${'x.'.repeat(16)}x`,
    'a\n',
    'a.\u202e',
    '**.a',
    'a*',
    '***',
  ])('neither topic nor pattern: %j', (text) => {
    expect(isTopic(text)).toBe(false)
    expect(isPattern(text)).toBe(false)
    expect(() => checkTopic(text)).toThrow(expect.objectContaining({ code: 'BadAddress', executed: 'no' }) as Error)
    expect(() => checkPattern(text)).toThrow(expect.objectContaining({ code: 'BadAddress' }) as Error)
  })

  test.each(['*', '**', 'dog.*', '*.*', 'a.*.b', 'a.**', '*.**'])('pattern and not topic: %s', (text) => {
    expect(isTopic(text)).toBe(false)
    expect(checkPattern(text)).toBe(text)
    expect(() => checkTopic(text)).toThrow(/is a pattern/)
  })

  test('what is said of a malformed one is bounded and printable', () => {
    expect.assertions(2)
    try {
      checkTopic(`${'x'.repeat(100_000)}\u001b`)
    } catch (thrown) {
      expect((thrown as Error).message.length).toBeLessThan(MAX_TOPIC_LENGTH + 200)
      expect((thrown as Error).message).not.toContain('\u001b')
    }
  })
})

describe('what covers what', () => {
  test('as its definition says', () => {
    fc.assert(
      fc.property(patterns, topics, (pattern, names) => {
        expect(topicMatches(pattern.join('.'), names.join('.'))).toBe(covers(pattern, names))
      }),
      { numRuns: 5000 },
    )
  })

  test('takes linear time', () => {
    const text = `${'a.'.repeat(127)}a`
    const pattern = `${'*.'.repeat(126)}*.b`
    const began = performance.now()
    for (let n = 0; n < 1000; n++) expect(topicMatches(pattern, text)).toBe(false)
    expect(performance.now() - began).toBeLessThan(2000)
  })
})

describe('a definition', () => {
  test('is a well-formed topic', () => {
    expect(topic<string>('dog.barked').topic).toBe('dog.barked')
    expect(() => topic('dog.*')).toThrow(/is a pattern/)
  })

  test('its schema checks the value and may change it', () => {
    const barked = topic('dog.barked', { schema: z.object({ phrase: z.string().trim() }) })
    expect(checkEvent(barked, { phrase: ' wau ', more: 1 })).toEqual({ phrase: 'wau' })
    expect(checkEvent(topic('dog.barked'), 7)).toBe(7)
    const issues = [{ path: ['phrase'], message: expect.any(String) as string }]
    expect(() => checkEvent(barked, { phrase: 7 })).toThrow(
      expect.objectContaining({ code: 'BadArguments', executed: 'no', details: { issues } }) as Error,
    )
  })

  test('a schema that throws or waits does not let it pass', () => {
    const throwing = {
      '~standard': {
        version: 1 as const,
        vendor: 'test',
        validate: (): never => {
          throw new Error('no')
        },
      },
    }
    expect(() => checkEvent(topic('a', { schema: throwing }), 'x')).toThrow(expect.objectContaining({ code: 'BadArguments' }) as Error)
    const waiting = z.string().refine(() => Promise.resolve(true))
    expect(() => checkEvent(topic('a', { schema: waiting }), 'x')).toThrow(expect.objectContaining({ code: 'Unsupported' }) as Error)
  })
})
