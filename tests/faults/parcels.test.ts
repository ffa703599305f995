/** What the checker finds of parcels over HTTP, and a few seconds of it with real processes. */
import { afterAll, describe, expect, test } from 'vitest'
import { parcelViolations, type ReceiverLine, type SentParcel } from '../../packages/testkit/src/faults/check/parcels.js'
import { endChildren, startNode } from '../fixtures/children.js'

afterAll(() => endChildren())

const took = (value: string): ReceiverLine => ({ e: 'took', id: 'i', sn: '1', value })
const answered = (value: string): ReceiverLine => ({ e: 'answered', id: 'i', sn: '1', value })
const ended = (result?: string, told = result): SentParcel => ({ sn: '1', result, told })

describe('a violation is', () => {
  const cases: readonly [string, readonly SentParcel[], readonly ReceiverLine[], RegExp][] = [
    ['a parcel without an end', [ended()], [took('a')], /is lost/],
    ['a result that nobody gave', [ended('b')], [took('a')], /which nobody gave/],
    ['two answers that were accepted', [ended('a')], [took('a'), took('b'), answered('a'), answered('b')], /answered twice: a and b/],
    ['another result than what was accepted', [ended('b')], [took('a'), took('b'), answered('a')], /"b", and a was accepted/],
    ['a sender who was told nothing', [{ sn: '1', result: 'a', told: undefined }], [took('a'), answered('a')], /was told undefined of "a"/],
    ['one receipt of two parcels', [ended('a'), ended('a')], [took('a')], /2 parcels have 1 receipts/],
  ]
  test.each(cases)('%s', (_what, sent, lines, said) => {
    expect(parcelViolations(sent, lines)).toEqual([expect.stringMatching(said)])
  })

  test('nothing else: an answer whose acceptance was not heard, or that was refused', () => {
    const refused: ReceiverLine = { e: 'refused', id: 'i', sn: '1', status: 409 }
    expect(parcelViolations([ended('a')], [took('a'), took('b'), refused])).toEqual([])
    expect(parcelViolations([ended('a')], [took('a'), answered('a')])).toEqual([])
  })
})

test('kills of the router and of receivers lose no parcel over HTTP', { timeout: 120_000 }, async () => {
  const child = startNode('packages/testkit/dist/faults/main.js', [
    '--minutes',
    '0.05',
    '--seed',
    process.env['WAYBILL_SEED'] ?? '1',
    '--only',
    'http',
  ])
  const { code } = await child.ended
  expect(`${child.stdout}\n${child.stderr}`).toMatch(/^http: \d+ parcels, .* 0 violations$/m)
  expect(code).toBe(0)
})
