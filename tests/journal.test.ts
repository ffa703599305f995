/** The journals, as each of them must be. */
import { MemoryJournal } from '@waybill/server/store'
import { journalSuite } from '@waybill/testkit/suites'
import { expect, test } from 'vitest'

journalSuite('in memory', () => Promise.resolve({ journal: new MemoryJournal(), end: () => Promise.resolve() }))

test('in memory there is as much room as was given, less what is kept', () => {
  const journal = new MemoryJournal({ maxBytes: 10 })
  const place = journal.append(1, [new Uint8Array(8)])
  expect([journal.hasRoom(2), journal.hasRoom(3)]).toEqual([true, false])
  journal.release(place)
  journal.release(place)
  expect([journal.hasRoom(10), journal.hasRoom(11)]).toEqual([true, false])
})
