/** Groups that end before all have answered: at the first results, when enough agree, or one after the other. */
import { harness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'
import { entries, failure, kennel, three, type Dog } from './fixtures/kennels.js'

describe('first', () => {
  test('ends at the first results, and cancels the rest', async () => {
    await using h = harness()
    const { caller, kennels } = await three(h)
    const { rest } = caller.remote<Dog>('Dog')
    const one = await h.until(rest.with({ first: true }).all({ rex: 30, ace: 10, zoe: 5000 }))
    expect([entries(one), one.exceptions.size, one.missing]).toEqual([{ ace: 'ace' }, 0, []])
    await h.advance(300)
    expect(kennels.map(({ seen }) => seen.splice(0).includes('aborted'))).toEqual([true, false, true])
    const two = await h.until(rest.with({ first: 2 }).all({ rex: 30, ace: 10, zoe: 5000 }))
    expect(entries(two)).toEqual({ ace: 'ace', rex: 'rex' })
    await h.advance(10_000)
  })

  test('says so as soon as there cannot be as many', async () => {
    await using h = harness()
    const { caller, kennels } = await three(h)
    const { bark, fail, rest } = caller.remote<Dog>('Dog')
    expect(await failure(bark.with({ first: 4 }).all('x'))).toMatchObject({ code: 'NoQuorum', executed: 'no' })
    expect(kennels.flatMap(({ seen }) => seen)).toEqual([])
    const error = await failure(fail.with({ first: true }).all())
    expect(error).toMatchObject({ code: 'NoQuorum', executed: 'yes' })
    expect(error.details).toMatchObject({ wanted: 1, instances: { ace: { executed: 'yes', code: 'RemoteException' } } })
    expect(error.cause).toBeInstanceOf(Error)

    const lost = rest.with({ first: 3 }).all({ rex: 5000, ace: 5000, zoe: 5000 })
    const from = h.world.nowMs
    await h.advance(10)
    h.kill(kennels[0]!.client)
    expect(await h.until(failure(lost))).toMatchObject({ code: 'NoQuorum', executed: 'maybe' })
    expect(h.world.nowMs - from).toBeLessThan(2000)
    await h.advance(10_000)
  })
})

describe('quorum', () => {
  const agreeing: readonly [string, unknown, unknown][] = [
    ['the order of properties', { a: 1, b: [1, { c: 2 }] }, { b: [1, { c: 2 }], a: 1 }],
    ['what is undefined', { a: 1, b: undefined }, { a: 1 }],
    [
      'maps and sets',
      new Map<unknown, unknown>([
        ['x', new Set([1, 2])],
        ['y', 1n],
      ]),
      new Map<unknown, unknown>([
        ['y', 1n],
        ['x', new Set([2, 1])],
      ]),
    ],
    ['dates and bytes', [new Date(5), new Uint8Array([1, 255])], [new Date(5), new Uint8Array([1, 255])]],
    ['zeros', [0, NaN], [-0, NaN]],
    ['what is shared', ((one) => [one, one])({ a: 1 }), [{ a: 1 }, { a: 1 }]],
    ['nothing', undefined, undefined],
  ]
  test.each(agreeing)('agrees whatever %s', async (_what, left, right) => {
    await using h = harness()
    const { caller } = await three(h)
    const { results } = await caller.remote<Dog>('Dog').say.with({ quorum: 2 }).all({ rex: left, ace: 'other', zoe: right })
    expect([...results.keys()].toSorted()).toEqual(['rex', 'zoe'])
  })

  const differing: readonly [string, unknown, unknown][] = [
    ['kinds', '1', 1],
    ['big numbers', 1, 1n],
    ['order', [1, 2], [2, 1]],
    ['values', { a: 1 }, { a: 2 }],
    ['dates and their text', new Date(5), new Date(5).toISOString()],
    ['widths of bytes', new Uint8Array([1]), new Int8Array([1])],
    ['nesting', [['a'], 'b'], [['a', 'b']]],
    ['texts that look like others', ['a,b'], ['a', 'b']],
    ['null', null, undefined],
  ]
  test.each(differing)('%s differ', async (_what, left, right) => {
    await using h = harness()
    const { caller } = await three(h)
    const error = await failure(caller.remote<Dog>('Dog').say.with({ quorum: 2 }).all({ rex: left, ace: 'other', zoe: right }))
    expect(error).toMatchObject({ code: 'NoQuorum', executed: 'yes', message: 'no 2 of 3 instances agree' })
  })

  test('what contains itself agrees with nothing', async () => {
    await using h = harness()
    const { caller } = await three(h)
    const loop: { self?: unknown } = {}
    loop.self = loop
    const error = await failure(caller.remote<Dog>('Dog').say.with({ quorum: 2 }).all({ rex: loop, ace: loop, zoe: 1 }))
    expect(error.code).toBe('NoQuorum')
  })

  test('ends as soon as enough agree, or cannot any more', async () => {
    await using h = harness()
    const { caller, kennels } = await three(h)
    await kennel(h, 'fay')
    const slow = { zoe: 5000, fay: 5000 }
    const { rest } = caller.remote<Dog>('Dog')
    const from = h.world.nowMs
    // Each says its own name, so two that have answered disagree; two more could still agree with one of them.
    const error = await h.until(failure(rest.with({ quorum: 4 }).all({ rex: 10, ace: 20, ...slow })))
    expect(error).toMatchObject({ code: 'NoQuorum', executed: 'yes' })
    expect(h.world.nowMs - from).toBeLessThan(100)
    await h.advance(10_000)
    expect(kennels[2]!.seen).toContain('aborted')
  })
})

describe('hedge', () => {
  test('asks one more each time that nothing came, and cancels who was slower', async () => {
    await using h = harness()
    const { caller, kennels } = await three(h, { idempotent: true })
    const { rest } = caller.remote<Dog>('Dog')
    const asked = (): number => kennels.filter(({ seen }) => seen.includes('rest')).length
    const fan = rest.with({ hedge: 50 }).all({ rex: 5000, ace: 5000, zoe: 80 })
    await h.advance(10)
    expect(asked()).toBe(1)
    await h.advance(50)
    expect(asked()).toBe(2)
    await h.advance(50)
    expect(asked()).toBe(3)
    const { results, missing } = await h.until(fan)
    expect([entries({ results } as never), missing]).toEqual([{ zoe: 'zoe' }, []])
    await h.advance(10_000)
    expect(kennels.slice(0, 2).map(({ seen }) => seen)).toEqual([
      ['rest', 'aborted'],
      ['rest', 'aborted'],
    ])
  })

  test('asks no second one where the first is quick, and another one each time', async () => {
    await using h = harness()
    const { caller, kennels } = await three(h, { idempotent: true })
    const { rest } = caller.remote<Dog>('Dog')
    for (let turn = 0; turn < 3; turn++) {
      await h.until(rest.with({ hedge: '1s' }).all({}))
      await h.advance(5000)
    }
    expect(kennels.map(({ seen }) => seen)).toEqual(Array(3).fill(['rest', 'rested']))
  })

  test('does not wait for who has failed', async () => {
    await using h = harness()
    const { caller } = await three(h, { idempotent: true })
    const error = await failure(caller.remote<Dog>('Dog').fail.with({ hedge: '1h' }).all())
    expect(error).toMatchObject({ code: 'NoQuorum', executed: 'yes', details: { wanted: 1 } })
  })

  test('is only for what every instance declares idempotent; otherwise nothing is sent', async () => {
    await using h = harness()
    const one = await kennel(h, 'rex', { method: { idempotent: true } })
    const other = await kennel(h, 'ace')
    const caller = await h.client('caller')
    const error = await failure(caller.remote<Dog>('Dog').bark.with({ hedge: 50 }).all('x'))
    expect(error).toMatchObject({ code: 'NotIdempotent', executed: 'no', details: { instances: ['ace'] } })
    expect([one.seen, other.seen]).toEqual([[], []])
    expect(entries(await caller.remote<Dog>('rex/Dog').bark.with({ hedge: 50 }).all('x'))).toEqual({ rex: 'rex 1.0.0: x' })
  })
})
