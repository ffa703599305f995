/** What a fold of stored calls makes of records whose beginning is in no snapshot. */
import { describe, expect, test } from 'vitest'
import { MemoryJournal } from '../src/journal/index.js'
import { RecordKind, writeRecord } from '../src/records.js'
import { Store } from '../src/store.js'

const place = { segment: 2, offset: 64, bytes: 16 }

function told(...records: readonly (readonly [kind: number, ordinal: number])[]): Store {
  const store = new Store()
  for (const [kind, ordinal] of records) store.record(kind, Buffer.concat(writeRecord([ordinal, 5])), place)
  return store
}

describe('a record of a call that no snapshot knows', () => {
  test('says that it is forgotten, as when it was while the snapshot was written', () => {
    const store = told([RecordKind.taken, 48], [RecordKind.forgotten, 48])
    store.begin(new MemoryJournal())
    expect(store.size).toBe(0)
  })

  test('is damage otherwise', () => {
    const store = told([RecordKind.taken, 48], [RecordKind.forgotten, 47])
    expect(() => store.begin(new MemoryJournal())).toThrow('knows nothing of 1 calls')
  })
})
