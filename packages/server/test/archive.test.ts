/** Receipts as rows: what is found is what was put there, whatever else came and went; and a snapshot has it all. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Archive } from '../src/archive/index.js'
import { Receipt, type StoredTerms } from '../src/model.js'

function serial(n: number): string {
  return `019b76da-a800-89d9-aa69-${n.toString(16).padStart(12, '0')}`
}

function ended(
  n: number,
  { principal = 'local', state = 'succeeded' as const, ...more }: Partial<StoredTerms> & { state?: 'succeeded' | 'failed' } = {},
): Receipt {
  const terms: StoredTerms = {
    sn: serial(n),
    principal,
    client: `caller-${n % 7}`,
    address: 'Dog@^1',
    service: 'Dog',
    method: n % 2 === 0 ? 'bark' : 'walk',
    storedMs: 1_767_225_600_000 + n,
    waitUntilMs: 1_767_225_700_000,
    deadlineMs: 1_767_225_700_000,
    ...more,
  }
  const receipt = new Receipt(n, terms, () => {})
  for (const step of [
    ['handed', terms.storedMs + 1, 'kennel'],
    ['started', terms.storedMs + 2],
    [state, terms.storedMs + 30],
  ] as const)
    receipt.passed(step)
  receipt.state = state
  receipt.seq = 4
  receipt.bytes = 100
  receipt.endedMs = terms.storedMs + 30
  receipt.answer = { segment: 1 + (n % 5), offset: n * 100, bytes: 64 }
  return receipt
}

function shown({ ordinal, terms, state, seq, steps, endedMs, answer }: Receipt): unknown {
  // How long it would have waited is of no interest any more.
  return { ordinal, terms: { ...terms, waitUntilMs: 0 }, state, seq, steps, endedMs, answer }
}

describe('an archive', () => {
  test('gives what was put there, by number and by ordinal', () => {
    const archive = new Archive()
    const all = Array.from({ length: 1000 }, (_, n) => ended(n + 1, { state: n % 3 === 0 ? 'failed' : 'succeeded' }))
    for (const receipt of all) expect(archive.add(receipt)).toBe(true)
    for (const receipt of all) {
      expect(shown(archive.find('local', receipt.sn)!)).toEqual(shown(receipt))
      expect(archive.byOrdinal(receipt.ordinal)!.sn).toBe(receipt.sn)
      expect([0, 4, 5].map((seq) => archive.knows(receipt.ordinal, seq))).toEqual([true, true, false])
    }
    expect(archive.knows(1001, 0)).toBe(false)
    expect(archive.find('other', serial(1))).toBeUndefined()
    expect(archive.find('local', serial(1001))).toBeUndefined()
    expect([...archive.newest()].map(({ ordinal }) => ordinal)).toEqual(all.map(({ ordinal }) => ordinal).toReversed())
  })

  test('has the same number of two principals apart', () => {
    const archive = new Archive()
    archive.add(ended(1, { principal: 'alice' }))
    archive.add(ended(1, { principal: 'bob', method: 'bite' }))
    expect(archive.find('alice', serial(1))!.terms.method).toBe('walk')
    expect(archive.find('bob', serial(1))!.terms.method).toBe('bite')
  })

  test.each([
    ['data', ended(1, { data: '{"a":1}' })],
    ['a key', ended(1, { key: 'mine' })],
    ['somebody to tell', ended(1, { replyto: 'clerk', told: 'local' })],
    ['another try', Object.assign(ended(1), { redrivenAs: serial(2) })],
    ['a request that may be wanted again', Object.assign(ended(1), { request: { segment: 1, offset: 0, bytes: 1 } })],
    ['attempts', Object.assign(ended(1), { attempts: 1 })],
    ['a cause', Object.assign(ended(1), { cause: { code: 'WorkerLost', message: 'gone' } })],
    ['an end of another kind', Object.assign(ended(1), { state: 'cancelled' })],
    ['another kind of number', ended(1, { sn: 'ABC' })],
  ])('takes nothing with %s', (_what, receipt) => {
    const archive = new Archive()
    expect(archive.add(receipt)).toBe(false)
    expect(archive.size).toBe(0)
  })

  test('is the same as a list, whatever comes and goes, and from a snapshot taken meanwhile', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant('add') }, fc.constant('remove'), fc.constant('move')), {
          maxLength: 3000,
          minLength: 500,
        }),
        (steps) => {
          const archive = new Archive()
          const list: Receipt[] = []
          let next = 1
          for (const step of steps) {
            if (step === 'add') {
              const receipt = ended(next++)
              list.push(receipt)
              archive.add(receipt)
            } else if (list.length > 0 && step === 'remove') {
              archive.remove(archive.oldest!.ordinal)
              list.shift()
            } else if (list.length > 0) {
              const receipt = list[Math.floor(list.length / 2)]!
              receipt.answer = { segment: 9, offset: next, bytes: 5 }
              expect(archive.moved(receipt.ordinal, receipt.answer)).toBe(true)
            }
          }
          const copy = new Archive()
          const came: number[] = []
          for (const entry of archive.entries()) copy.restore(entry, (ordinal) => came.push(ordinal))
          expect(came).toEqual(list.map(({ ordinal }) => ordinal))
          for (const one of [archive, copy]) {
            expect(one.size).toBe(list.length)
            expect([...one.newest()].map(shown)).toEqual(list.toReversed().map(shown))
            for (const receipt of list) expect(one.find('local', receipt.sn)!.ordinal).toBe(receipt.ordinal)
            const places: unknown[] = []
            one.places((place) => places.push(place))
            expect(places).toEqual(list.map(({ answer }) => answer))
          }
        },
      ),
      { numRuns: 30 },
    )
  })

  test('an entry that is cut off is damage', () => {
    const archive = new Archive()
    archive.add(ended(1))
    const [entry] = archive.entries()
    expect(() => new Archive().restore(entry!.subarray(0, -1), () => {})).toThrow(/length/)
  })

  test('an entry of former times is read, as if nobody had had time to send its calls again', () => {
    const archive = new Archive()
    const all = [1, 2, 3].map((n) => ended(n))
    for (const receipt of all) archive.add(receipt)
    const [entry] = archive.entries()
    const rowBytes = 20 * 4 + 3 * 8
    const head = entry!.subarray(0, -3 * rowBytes)
    const rows = [3, 2, 1].map((row) => entry!.subarray(entry!.byteLength - row * rowBytes).subarray(0, rowBytes))
    const former = Buffer.concat([head, ...rows.flatMap((row) => [row.subarray(0, 19 * 4), row.subarray(20 * 4)])])
    former[0] = 1
    const copy = new Archive()
    expect(copy.isEntry(former)).toBe(true)
    copy.restore(new Uint8Array(former), () => {})
    const asIfInTime = ({ ordinal, terms: { storedMs } }: Receipt): unknown => shown(ended(ordinal, { deadlineMs: storedMs }))
    expect([...copy.newest()].map(shown)).toEqual(all.toReversed().map(asIfInTime))
    expect(() => new Archive().restore(new Uint8Array(former.subarray(0, -1)), () => {})).toThrow(/length/)
  })

  test('a snapshot that is walked while rows come and go has each row that stays once', () => {
    const archive = new Archive()
    for (let n = 1; n <= 2000; n++) archive.add(ended(n))
    const copy = new Archive()
    let next = 2001
    for (const entry of archive.entries()) {
      copy.restore(entry, () => {})
      for (let n = 0; n < 100; n++) archive.remove(archive.oldest!.ordinal)
      for (let n = 0; n < 50; n++) archive.add(ended(next++))
      if (next > 2400) break
    }
    for (const receipt of archive.newest()) if (receipt.ordinal <= 2000) expect(copy.byOrdinal(receipt.ordinal)).toBeDefined()
  })
})

test('of very many steps a receipt keeps the first and the last', () => {
  const receipt = ended(1)
  for (let ms = 1; ms <= 200; ms++) receipt.passed(['back', ms])
  expect(receipt.steps).toHaveLength(64)
  expect([receipt.steps[0]![0], receipt.steps.at(-1)]).toEqual(['stored', ['back', 200]])
})
