/** Nothing on the wire may cost much more than its length: each of these took seconds or minutes in a reader without bounds. */

import { describe, expect, it } from 'vitest'
import { parseBody } from '../src/body/index.js'

const bytesOf = (text: string) => new TextEncoder().encode(text)
const rich = (json: string, values: string) => `{"json":${json},"meta":{"values":${values},"v":1}}`

describe('time', () => {
  const list = (count: number, json: string, type: string) => {
    const index = Array.from({ length: count }, (_, i) => `"${i}":${type}`).join()
    return rich(`[${Array.from({ length: count }, () => json).join()}]`, `{${index}}`)
  }

  const punycode = `xn--${'a'.repeat(1_000_000)}-${'b'.repeat(1_000_000)}`

  it.each<[string, number, string]>([
    ['brackets without an end', 1, '['.repeat(8_000_000)],
    ['a string of brackets', 1, JSON.stringify('['.repeat(8_000_000))],
    ['a number of a million digits', 1, '1'.repeat(1_000_000)],
    ['punycode', 2, rich(`"http://${punycode}/"`, '["URL"]')],
    ['punycode after a space', 2, rich(`" http://${punycode}/"`, '["URL"]')],
    ['punycode after a tab in the scheme', 2, rich(`"ht\\tps:${punycode}/"`, '["URL"]')],
    ['a host of combining marks', 2, rich(`"http:\\\\a${'\u0301\u0327'.repeat(200_000)}/"`, '["URL"]')],
    ['a host spelt in percents', 2, rich(`"HTTP:///${'%CC%81%CC%A7'.repeat(200_000)}/"`, '["URL"]')],
    ['many dates', 2, list(50_000, '"2020-01-01T00:00:00.000Z"', '["Date"]')],
    ['many errors', 2, list(50_000, '{"name":"E","message":""}', '["Error"]')],
    ['long bigints', 2, list(1000, `"${'9'.repeat(4096)}"`, '["bigint"]')],
    ['an endless bigint', 2, rich(`"${'9'.repeat(4_000_000)}"`, '["bigint"]')],
  ])('%s', (_name, encoding, text) => {
    const bytes = bytesOf(text)
    const start = performance.now()
    try {
      parseBody(encoding, bytes)
    } catch (error) {
      expect(error).toHaveProperty('code')
    }
    expect(performance.now() - start).toBeLessThan(8_000)
  })
})
