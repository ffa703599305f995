import { describe, expect, test } from 'vitest'
import { Emission } from '../src/emission.js'

function emissionOf(source: AsyncIterable<unknown>, written: (value: unknown) => unknown = (value) => value) {
  const told: unknown[] = []
  let over = 0
  const failure = (thrown: unknown): Error => {
    told.push(thrown)
    return new Error('told', { cause: thrown })
  }
  const emission = new Emission({ source, written, failure, over: () => over++ })
  return { emission, told, over: (): number => over }
}

/** What ends it is written down; `stuck` waits for something that never comes. */
function source(log: string[], stuck = false) {
  return (async function* () {
    try {
      yield 1
      if (stuck) await new Promise(() => {})
      yield 2
      return 'returned'
    } finally {
      log.push('finally')
    }
  })()
}

describe('an emission', () => {
  test('gives step after step, and at the end what was returned', async () => {
    const log: string[] = []
    const { emission, over } = emissionOf(source(log), (value) => [value])
    expect(await emission.next()).toEqual({ done: false, value: [1] })
    expect(await emission.next()).toEqual({ done: false, value: [2] })
    expect(over()).toBe(0)
    expect(await emission.next()).toEqual({ done: true, value: ['returned'] })
    expect(await emission.next()).toEqual({ done: true, value: undefined })
    expect([over(), log]).toEqual([1, ['finally']])
  })

  test('that is let go before its first step is over, and its source is told', async () => {
    let returned = 0
    const iterator = {
      next: () => Promise.resolve({ done: false, value: 1 }),
      return: () => Promise.resolve({ done: true, value: returned++ }),
    }
    const { emission, over } = emissionOf({ [Symbol.asyncIterator]: () => iterator })
    await emission.return()
    await emission.return()
    expect([returned, over()]).toEqual([1, 1])
  })

  test('whose value cannot be written lets its source go and tells why', async () => {
    const log: string[] = []
    const { emission, told, over } = emissionOf(source(log), (value) => {
      throw new TypeError(`not ${String(value)}`)
    })
    await expect(emission.next()).rejects.toThrow('told')
    expect([told, log, over()]).toEqual([[new TypeError('not 1')], ['finally'], 1])
  })

  test('that is to leave says farewell, also while it waits for what never comes', async () => {
    const log: string[] = []
    const { emission, over } = emissionOf(source(log, true))
    await emission.next()
    const next = emission.next()
    emission.leave('farewell')
    expect(await next).toEqual({ done: false, value: 'farewell' })
    expect(await emission.next()).toEqual({ done: true, value: undefined })
    // The source has not ended, and that is not hidden.
    expect([log, over()]).toEqual([[], 0])
  })

  test('that is to leave between two steps says it in place of the next one, and its source ends', async () => {
    const log: string[] = []
    const { emission, over } = emissionOf(source(log))
    await emission.next()
    emission.leave('farewell')
    emission.leave('again')
    expect(await emission.next()).toEqual({ done: false, value: 'farewell' })
    expect(await emission.next()).toEqual({ done: true, value: undefined })
    expect([log, over()]).toEqual([['finally'], 1])
  })
})
