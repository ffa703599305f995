import { AsyncLocalStorage } from 'node:async_hooks'
import { afterEach, expect, test } from 'vitest'
import { currentCall, installCallStorage, iterateInCall, runInCall, type CurrentCall } from '../src/index.js'

const call = (sn: string): CurrentCall => ({
  sn,
  service: 'Dog',
  method: 'walk',
  caller: { client: 'walker', principal: 'local' },
  data: undefined,
  signal: new AbortController().signal,
  progress() {},
})
const pause = (): Promise<void> => Promise.resolve()

afterEach(() => installCallStorage(undefined))

test('before the first await every method sees its own call, however many run', async () => {
  const seen = await Promise.all(
    Array.from({ length: 50 }, (_, n) =>
      runInCall(call(String(n)), async () => {
        const mine = currentCall()
        for (let step = 0; step < n % 7; step++) await pause()
        return mine.sn
      }),
    ),
  )
  expect(seen).toEqual(Array.from({ length: 50 }, (_, n) => String(n)))
})

test('after an await, and outside, it throws and says the rule rather than give another call', async () => {
  expect(() => currentCall()).toThrow('before the first await')
  const late = runInCall(call('a'), async () => {
    await pause()
    return currentCall()
  })
  const other = runInCall(call('b'), async () => currentCall().sn)
  await expect(late).rejects.toThrow('before the first await')
  expect(await other).toBe('b')
})

test('calls nest, and a throw leaves none behind', () => {
  runInCall(call('outer'), () => {
    expect(() =>
      runInCall(call('inner'), () => {
        expect(currentCall().sn).toBe('inner')
        throw new Error('x')
      }),
    ).toThrow('x')
    expect(currentCall().sn).toBe('outer')
    runInCall(undefined, () => expect(() => currentCall()).toThrow())
  })
  expect(() => currentCall()).toThrow()
})

async function* smells(): AsyncGenerator<string> {
  try {
    for (;;) yield currentCall().sn
  } finally {
    yield `end ${currentCall().sn}`
  }
}
function* steps(): Generator<string> {
  try {
    yield currentCall().sn
  } catch {
    yield `caught ${currentCall().sn}`
  }
}

for (const storage of [undefined, new AsyncLocalStorage<CurrentCall | undefined>()]) {
  test(`two generators resumed in turn, from outside ${storage ? 'with' : 'without'} a storage`, async () => {
    installCallStorage(storage)
    const one = iterateInCall(call('1'), smells())
    const two = iterateInCall(call('2'), smells())
    for (let round = 0; round < 3; round++) {
      expect((await one.next()).value).toBe('1')
      expect((await two.next()).value).toBe('2')
    }
    // An async generator awaits before its `finally`: only a storage knows the call there.
    if (storage) expect((await one.return!()).value).toBe('end 1')
    else await expect(one.return!()).rejects.toThrow('before the first await')
    const sync = iterateInCall(call('3'), steps())
    expect(sync.next().value).toBe('3')
    expect(sync.throw!(new Error('x')).value).toBe('caught 3')
    expect(() => currentCall()).toThrow()
  })
}

test('with a storage the call survives awaits, each its own', async () => {
  installCallStorage(new AsyncLocalStorage<CurrentCall | undefined>())
  const seen = await Promise.all(
    ['a', 'b', 'c'].map((sn, n) =>
      runInCall(call(sn), async () => {
        for (let step = 0; step <= n; step++) await pause()
        return currentCall().sn
      }),
    ),
  )
  expect(seen).toEqual(['a', 'b', 'c'])
})

test('the slot is shared by copies of this package', () => {
  const slot = (globalThis as Record<symbol, unknown>)[Symbol.for('waybill.currentCall')] as { call?: CurrentCall }
  runInCall(call('x'), () => expect(slot.call!.sn).toBe('x'))
})
