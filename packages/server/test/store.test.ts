/** What a fold of stored calls makes of records whose beginning is in no snapshot. */
import { FrameType } from '@waybill/core'
import { describe, expect, test } from 'vitest'
import { MemoryJournal } from '../src/journal/index.js'
import type { Lease, StoredTerms } from '../src/model.js'
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

/** A store, and what it writes: a later start is told all of it. */
class Written extends MemoryJournal {
  readonly records: { readonly kind: number; readonly record: Uint8Array }[] = []

  override append(kind: number, record: readonly Uint8Array[]): ReturnType<MemoryJournal['append']> {
    this.records.push({ kind, record: Buffer.concat(record) })
    return super.append(kind, record)
  }

  start(): Store {
    const store = new Store()
    for (const [line, { kind, record }] of this.records.entries())
      store.record(kind, record, { segment: 1, offset: line, bytes: record.byteLength })
    store.begin(new MemoryJournal())
    return store
  }
}

const lease: Lease = {
  token: '0'.repeat(32),
  client: 'kennel',
  principal: 'local',
  incarnation: '019b76daa80089d9aa69',
  version: '1.0.0',
  idempotent: false,
  keeps: true,
}
const began = 1_767_225_600_000

function terms(n: number, more: Partial<StoredTerms> = {}): StoredTerms {
  const sn = `019b76da-a800-89d9-aa69-${n.toString(16).padStart(12, '0')}`
  const address = { address: 'Dog@^1', service: 'Dog', method: 'bark' }
  return {
    sn,
    principal: 'local',
    client: 'walker',
    ...address,
    storedMs: began,
    waitUntilMs: began + 60_000,
    deadlineMs: began + 60_000,
    ...more,
  }
}

/** A call that is stored, leased, begun and done. */
function done(store: Store, n: number, more: Partial<StoredTerms> = {}): ReturnType<Store['add']> {
  const receipt = store.add(terms(n, more), [])
  store.leased(receipt, lease, began + 1)
  store.step(receipt, 'started', began + 1)
  const words = [{ type: FrameType.result, flags: 0, encoding: 1, body: Uint8Array.of(0x31) }]
  store.ended(receipt, { state: 'succeeded', ms: began + 2, isOwed: more.replyto !== undefined, cause: undefined }, words)
  return receipt
}

describe('what has ended', () => {
  test('is no object at a later start from the record on that says so', () => {
    const journal = new Written()
    const store = new Store()
    store.begin(journal)
    for (let n = 1; n <= 3; n++) done(store, n)
    done(store, 4, { key: 'mine' })
    store.add(terms(5), [])
    const later = journal.start()
    expect(Array.from(later.live(), ({ ordinal }) => ordinal)).toEqual([4, 5])
    expect([later.size, later.pending]).toEqual([5, 1])
    expect(later.find('local', terms(2).sn)).toMatchObject({ ordinal: 2, state: 'succeeded', seq: 3 })
  })

  test('may be forgotten in another order than that in which a later start finds it ended', () => {
    const journal = new Written()
    const store = new Store()
    store.begin(journal)
    const [first, second, owed, fourth] = [
      done(store, 1),
      done(store, 2),
      done(store, 3, { replyto: 'clerk', told: 'local' }),
      done(store, 4),
    ]
    store.taken(owed)
    store.forgotten(second)
    store.forgotten(fourth)
    const later = journal.start()
    expect(Array.from(later.newest(), ({ ordinal }) => ordinal)).toEqual([3, 1])
    expect(later.size).toBe(2)
    let places = 0
    later.places(() => places++)
    expect(places).toBe(2)
    store.forgotten(first)
    store.forgotten(owed)
    expect(journal.start()).toMatchObject({ size: 0, oldestArchivedMs: undefined })
  })
})

describe('of what was forgotten', () => {
  const muchLater = began + 60_000 + 10 * 60_000

  /** What a snapshot of the store makes, of which the records are told that came while it was written. */
  function restored(store: Store, journal: Written, meanwhile: () => void = () => {}): Store {
    const later = new Store()
    const from = journal.records.length
    let first = true
    for (const entry of store.entries()) {
      later.restore(entry)
      if (first) meanwhile()
      first = false
    }
    for (const { kind, record } of journal.records.slice(from)) later.record(kind, record, place)
    later.begin(new MemoryJournal())
    return later
  }

  function begun(): { store: Store; journal: Written } {
    const [store, journal] = [new Store(), new Written()]
    store.begin(journal)
    return { store, journal }
  }

  const known = (store: Store, ...numbers: readonly number[]) =>
    numbers.map((n) => store.used.find('local', terms(n).sn)).map((former) => former && (former.state ?? 'used'))

  test('a snapshot has the numbers, one by one or as those of their process', () => {
    const { store, journal } = begun()
    for (const n of [1, 2]) store.forgotten(done(store, n))
    // From here on the first ones cannot come again in time.
    const late = store.add(terms(4, { storedMs: muchLater, deadlineMs: muchLater + 60_000 }), [])
    store.ended(late, { state: 'cancelled', ms: muchLater, isOwed: false, cause: undefined }, [])
    store.forgotten(late)
    const later = restored(store, journal)
    for (const one of [store, later]) {
      expect(known(one, 1, 2, 3, 4, 5)).toEqual(['used', 'used', undefined, 'cancelled', undefined])
      expect(one.used.find('other', terms(1).sn)).toBeUndefined()
      expect([one.size, one.used.size]).toEqual([0, 1])
    }
  })

  test('one that is forgotten while the snapshot is written is known once', () => {
    const { store, journal } = begun()
    const [first, second] = [done(store, 1), done(store, 2)]
    for (const receipt of [first, second]) store.archive(receipt)
    const keyed = done(store, 3, { key: 'mine' })
    const later = restored(store, journal, () => {
      for (const receipt of [keyed, ...store.newest()]) store.forgotten(receipt)
    })
    expect(known(later, 1, 2, 3)).toEqual(['succeeded', 'succeeded', 'succeeded'])
    expect([later.size, later.used.size]).toEqual([0, 3])
    for (const left of [true, true, true, false]) expect(later.used.removeOldest()).toBe(left)
    expect(known(later, 1, 2, 3, 4)).toEqual(['used', 'used', 'used', undefined])
  })

  test('nothing is kept of what the router has tried again by itself', () => {
    const { store } = begun()
    const receipt = done(store, 1, { redriveOf: terms(9).sn })
    store.forgotten(receipt)
    expect(known(store, 1)).toEqual([undefined])
  })
})

test('a number is never given twice, also where a snapshot has nothing left of who had it', () => {
  const store = new Store()
  store.begin(new MemoryJournal())
  const last = [1, 2, 3].map((n) => store.add(terms(n), []))
  for (const receipt of last) store.forgotten(receipt)
  const later = new Store()
  for (const entry of store.entries()) later.restore(entry)
  later.begin(new MemoryJournal())
  expect(later.size).toBe(0)
  expect(later.add(terms(4), []).ordinal).toBe(4)
})
