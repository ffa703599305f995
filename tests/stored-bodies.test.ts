/** Bodies of stored calls that have records of their own: how long each is kept, over starts of the router, snapshots, and other tries. */
import { FrameType, WaybillError, type FrameReader } from '@waybill/core'
import { defaultLimits, EventLog, foldOf, Store, type Journal, type Place } from '@waybill/server'
import { check, MemoryJournal, openJournal } from '@waybill/server/store'
import { asJob, Seeded, VirtualDisk, World } from '@waybill/testkit'
import { isSpooled, safe, spooled } from '@waybill/testkit/suites'
import { describe, expect, test } from 'vitest'
import type { BodySpool } from '../packages/server/src/bodies.js'
import type { Channel } from '../packages/server/src/channel.js'
import type { CallRecord, Receipt, StoredTerms } from '../packages/server/src/model.js'
import { Postbacks } from '../packages/server/src/postbacks.js'
import { Receipts } from '../packages/server/src/receipts.js'
import type { Sessions } from '../packages/server/src/sessions.js'

const ports = { random: new Seeded(1), soon: { onTick: asJob, afterInput: asJob } }
const BYTES = 3000
const frame = new Uint8Array(40)

interface Opened {
  readonly store: Store
  readonly journal: Journal
}

async function open(disk: VirtualDisk, snapshotBytes = 1_000_000): Promise<Opened> {
  const [store, log] = [new Store(), new EventLog()]
  const { journal } = await openJournal(disk.mount(), foldOf(store, log), { ports, snapshotBytes, segmentBytes: 2000 })
  store.begin(journal)
  log.begin(journal)
  return { store, journal }
}

const newDisk = (): VirtualDisk => new VirtualDisk({ random: new Seeded(1) })
const blobsOf = (disk: VirtualDisk): string[] => [...disk.platter.names.keys()].filter((name) => name.endsWith('.blob'))

async function settled(): Promise<void> {
  for (let turn = 0; turn < 2000; turn++) await Promise.resolve()
}

async function bodyOf(spool: BodySpool): Promise<Place> {
  await spool.write(spooled(0, 1000))
  await spool.write(spooled(1000, BYTES - 1000))
  return spool.end()
}

function termsOf(number: number, more: Partial<StoredTerms> = {}): StoredTerms {
  return {
    sn: `01020304-0506-4708-890a-${String(number).padStart(12, '0')}`,
    principal: 'anna',
    client: 'caller',
    address: 'Dog',
    service: 'Dog',
    method: 'bark',
    storedMs: 1000,
    waitUntilMs: 2000,
    deadlineMs: 3000,
    ...more,
  }
}

const receiptOf = (store: Store, number: number): Receipt => store.find('anna', termsOf(number).sn)!

type Read = 'readRequest' | 'readAnswer'
function part(store: Store, what: Read, receipt: Receipt, offset: number, length: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) =>
    store[what](receipt, offset, length, (bytes, error) => (bytes === undefined ? reject(error!) : resolve(bytes))),
  )
}

async function reads(store: Store, what: Read, receipt: Receipt): Promise<boolean> {
  return isSpooled(await part(store, what, receipt, 500, 2000), 500, 2000)
}

const end = (state: 'succeeded' | 'indeterminate', body?: Place) => ({ state, ms: 1500, isOwed: false, cause: undefined, body })

/** Until a snapshot was taken of all that was said before. */
async function snapshot({ store, journal }: Opened, disk: VirtualDisk): Promise<void> {
  const [before] = [...disk.platter.names.keys()].filter((name) => name.endsWith('.snapshot'))
  for (let number = 900; ; number++) {
    const receipt = store.add(termsOf(number), [new Uint8Array(400)])
    store.ended(receipt, end('succeeded'), [])
    store.forgotten(receipt)
    await safe(journal)
    await settled()
    if (
      ![...disk.platter.names.keys()].some((name) => name === before) &&
      [...disk.platter.names.keys()].some((name) => name.endsWith('.snapshot'))
    )
      return
  }
}

describe.each([
  ['of records', 1_000_000],
  ['of a snapshot', 2500],
])('at a later start, out %s', (_, snapshotBytes) => {
  test('a body is read as long as its call may be asked for it, and gone then', async () => {
    const disk = newDisk()
    let opened = await open(disk, snapshotBytes)
    const { store } = opened
    store.add(termsOf(1, { body: await bodyOf(store.spool()) }), [frame])
    store.add(termsOf(2, { body: await bodyOf(store.spool()) }), [frame])
    store.ended(receiptOf(store, 2), end('indeterminate'), [])
    if (snapshotBytes < 10_000) await snapshot(opened, disk)
    else await safe(opened.journal)
    disk.losePower()

    opened = await open(disk, snapshotBytes)
    for (const number of [1, 2]) expect(await reads(opened.store, 'readRequest', receiptOf(opened.store, number))).toBe(true)
    opened.store.ended(receiptOf(opened.store, 1), end('succeeded'), [])
    await expect(part(opened.store, 'readRequest', receiptOf(opened.store, 1), 0, 1)).rejects.toMatchObject({ code: 'Damaged' })
    await safe(opened.journal)
    disk.losePower()

    // A dead letter keeps its own.
    opened = await open(disk, 1000)
    await snapshot(opened, disk)
    expect(blobsOf(disk)).toHaveLength(1)
    expect(await reads(opened.store, 'readRequest', receiptOf(opened.store, 2))).toBe(true)
    opened.store.forgotten(receiptOf(opened.store, 2))
    await snapshot(opened, disk)
    expect(blobsOf(disk)).toEqual([])
    expect((await check(disk.mount())).damaged).toEqual([])
  })

  test('the body of an outcome is kept with its receipt, which is no row of numbers', async () => {
    const disk = newDisk()
    let opened = await open(disk, snapshotBytes)
    const { store } = opened
    const receipt = store.add(termsOf(1), [frame])
    store.ended(receipt, end('succeeded', await bodyOf(store.spool())), [{ type: 40, flags: 1, encoding: 4, body: Uint8Array.of(7) }])
    expect(store.archive(receipt)).toBe(false)
    if (snapshotBytes < 10_000) await snapshot(opened, disk)
    else await safe(opened.journal)
    disk.losePower()

    opened = await open(disk, 1000)
    const again = receiptOf(opened.store, 1)
    expect(await reads(opened.store, 'readAnswer', again)).toBe(true)
    await expect(part(opened.store, 'readRequest', again, 0, 1)).rejects.toMatchObject({ message: expect.stringContaining('kept no more') })
    const words = await new Promise((resolve) => opened.store.words(again, resolve))
    expect(words).toEqual([{ type: 40, flags: 1, encoding: 4, body: Uint8Array.of(7) }])
    opened.store.forgotten(again)
    await snapshot(opened, disk)
    expect(blobsOf(disk)).toEqual([])
  })

  test('another try of a dead letter has the same body, which goes with the last of them', async () => {
    const disk = newDisk()
    let opened = await open(disk, snapshotBytes)
    const dead = opened.store.add(termsOf(1, { body: await bodyOf(opened.store.spool()) }), [frame])
    opened.store.ended(dead, end('indeterminate'), [])
    opened.store.add({ ...dead.terms, sn: termsOf(2).sn, redriveOf: dead.sn }, [frame])
    if (snapshotBytes < 10_000) await snapshot(opened, disk)
    else await safe(opened.journal)
    disk.losePower()

    opened = await open(disk, 1000)
    opened.store.forgotten(receiptOf(opened.store, 1))
    await snapshot(opened, disk)
    expect(await reads(opened.store, 'readRequest', receiptOf(opened.store, 2))).toBe(true)
    opened.store.ended(receiptOf(opened.store, 2), end('succeeded'), [])
    await snapshot(opened, disk)
    expect(blobsOf(disk)).toEqual([])
  })
})

test('a body that no call was given is gone when it is dropped, and after the next start', async () => {
  const disk = newDisk()
  let opened = await open(disk, 1000)
  opened.store.drop(await bodyOf(opened.store.spool()))
  await snapshot(opened, disk)
  expect(blobsOf(disk)).toEqual([])
  await bodyOf(opened.store.spool())
  await safe(opened.journal)
  expect(blobsOf(disk)).toHaveLength(1)
  disk.losePower()
  opened = await open(disk, 1000)
  await snapshot(opened, disk)
  expect(blobsOf(disk)).toEqual([])
})

// ---- counted

const [sessions, channel] = [{} as Sessions, {} as Channel]
const result = { type: FrameType.result, flags: 0, encoding: 4, body: () => Uint8Array.of(7) } as FrameReader

/** Receipts in memory, of which there is room for so many bytes; a call of it is only what receipts look at. */
function counted(maxReceiptBytes: number): { receipts: Receipts; store: Store; call: () => CallRecord } {
  const store = new Store()
  store.begin(new MemoryJournal())
  const limits = { ...defaultLimits, maxReceiptBytes }
  const { clock } = new World().process('router')
  const receipts = new Receipts({ clock, limits, store, postbacks: new Postbacks({ limits, sessions, store }), kept: () => {} })
  return { receipts, store, call: () => ({ caller: { storedCalls: 0 } }) as CallRecord }
}

async function ofBytes(receipts: Receipts, bytes: number): Promise<Place> {
  const spool = receipts.spool()
  await spool.write(new Uint8Array(bytes))
  return spool.end()
}

test('a body is counted as it comes, with its receipt from then on, and no more once its call has ended', async () => {
  const { receipts, call } = counted(10_000)
  const spool = receipts.spool()
  await spool.write(new Uint8Array(4000))
  const other = receipts.spool()
  await expect(other.write(new Uint8Array(7000))).rejects.toMatchObject({ code: 'Overloaded' })
  await expect(other.write(new Uint8Array(1))).rejects.toMatchObject({ code: 'Closed' })
  const aborted = receipts.spool()
  await aborted.write(new Uint8Array(5000))
  await aborted.abort()
  await spool.write(new Uint8Array(4000))
  const receipt = receipts.store(call(), termsOf(1, { body: spool.end() }), [frame])
  expect(receipts.bytes).toBe(8040)
  expect(() => receipts.store(call(), termsOf(2), [new Uint8Array(3000)])).toThrow(expect.objectContaining({ code: 'Overloaded' }))
  receipts.heard(receipt, result, 'succeeded', channel)
  receipts.ended(receipt)
  expect(receipts.bytes).toBeLessThan(1000)
  receipts.stop()
})

test('of an outcome the body goes with the last word of its callee, and is kept with it', async () => {
  const { receipts, store, call } = counted(100_000)
  const receipt = receipts.store(call(), termsOf(1), [frame])
  receipts.bring(receipt, await ofBytes(receipts, 500))
  receipts.bring(receipt, await ofBytes(receipts, 600))
  expect(receipts.bytes).toBe(640)
  receipts.heard(receipt, result, 'succeeded', channel)
  receipts.ended(receipt)
  expect((await part(store, 'readAnswer', receipt, 0, 1000)).byteLength).toBe(600)
  receipts.purge(receipt)
  expect(receipts.bytes).toBe(0)
  receipts.stop()
})

test.each([
  ['whoever brought it is lost', (receipts: Receipts, receipt: Receipt) => receipts.cutOff(receipt)],
  [
    'the router ends the call',
    (receipts: Receipts, receipt: Receipt) => receipts.excepted(receipt, new WaybillError('DeadlineExceeded', 'late'), 'maybe', 'failed'),
  ],
  ['it is refused', (receipts: Receipts, receipt: Receipt) => receipts.rejected(receipt, new WaybillError('Rejected', 'no'), 'rejected')],
])('it is dropped where %s', async (_, ends) => {
  const { receipts, store, call } = counted(100_000)
  const receipt = receipts.store(call(), termsOf(1), [frame])
  const body = await ofBytes(receipts, 5000)
  receipts.bring(receipt, body)
  ends(receipts, receipt)
  expect(receipts.bytes).toBeLessThan(2000)
  const read = new Promise((resolve, reject) =>
    store.journal.read(body, (bytes, error) => (bytes === undefined ? reject(error!) : resolve(bytes))),
  )
  await expect(read).rejects.toMatchObject({ code: 'Damaged' })
  if (receipt.ending !== undefined) receipts.ended(receipt)
  await expect(part(store, 'readAnswer', receipt, 0, 1)).rejects.toMatchObject({ code: 'Damaged' })
  receipts.stop()
})

test('what is brought when the call has ended is dropped at once', async () => {
  const { receipts, store, call } = counted(100_000)
  const receipt = receipts.store(call(), termsOf(1), [frame])
  receipts.heard(receipt, result, 'succeeded', channel)
  receipts.ended(receipt)
  const before = receipts.bytes
  const body = await ofBytes(receipts, 500)
  receipts.bring(receipt, body)
  expect(receipts.bytes).toBe(before)
  const read = new Promise((resolve, reject) =>
    store.journal.read(body, (bytes, error) => (bytes === undefined ? reject(error!) : resolve(bytes))),
  )
  await expect(read).rejects.toMatchObject({ code: 'Damaged' })
  receipts.stop()
})
