/** What a start makes of a store that is not as it should be: it refuses and touches nothing, or says what it dropped. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openJournal, type Disk, type Journal, type RecoveryReport } from '@waybill/server/store'
import { asJob, Seeded, systemError, VirtualDisk } from '@waybill/testkit'
import { Cupboard, read, safe } from '@waybill/testkit/suites'
import { describe, expect, test } from 'vitest'

const fixture = join(import.meta.dirname, 'fixtures', 'store-1')
const options = { ports: { random: new Seeded(1), soon: { onTick: asJob, afterInput: asJob } } }

interface Opened {
  readonly cupboard: Cupboard
  readonly journal: Journal
  readonly report: RecoveryReport
}

async function open(disk: Disk, more: Partial<Parameters<typeof openJournal>[2]> = {}): Promise<Opened> {
  const cupboard = new Cupboard()
  const { journal, report } = await openJournal(disk, cupboard, { ...options, ...more })
  cupboard.journal = journal
  return { cupboard, journal, report }
}

const newDisk = (): VirtualDisk => new VirtualDisk({ random: new Seeded(1) })
const contents = (disk: VirtualDisk): string[] =>
  Array.from(disk.platter.names, ([name, { bytes }]) => `${name} ${Buffer.from(bytes).toString('base64')}`).toSorted()

/** Three groups in one segment: things 1, 2 and 3; the process was killed, and no witness is left. */
async function threeGroups(): Promise<{ disk: VirtualDisk; ends: number[] }> {
  const disk = newDisk()
  const { cupboard, journal } = await open(disk.mount())
  const ends: number[] = []
  for (const id of [1, 2, 3]) {
    cupboard.put(id, 40)
    await safe(journal)
    ends.push(disk.platter.names.get('00000001.log')!.bytes.byteLength)
  }
  await settled()
  disk.kill()
  disk.platter.remove('witness')
  return { disk, ends }
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 500; turn++) await Promise.resolve()
}

function flip(disk: VirtualDisk, name: string, at: number): void {
  const inode = disk.platter.names.get(name)!
  inode.write([Uint8Array.of(inode.bytes[at]! ^ 4)], at)
}

test('a new store is new once, and each start has a higher epoch in the same store', async () => {
  const disk = newDisk()
  const first = await open(disk.mount())
  expect(first.report).toMatchObject({ isNew: true, epoch: 1, records: 0, upgradedFrom: undefined })
  await first.journal.close()
  const second = await open(disk.mount())
  expect(second.report).toMatchObject({ isNew: false, epoch: 2 })
  expect(second.journal.store).toBe(first.journal.store)
  expect(second.journal.store).toMatch(/^[0-9a-f]{32}$/)
})

test('only one has it, until it lets go or ends', async () => {
  const disk = newDisk()
  const { journal } = await open(disk.mount())
  await expect(open(disk.mount())).rejects.toMatchObject({ code: 'Overloaded' })
  await journal.close()
  await open(disk.mount())
  disk.kill()
  await open(disk.mount())
})

test('a start that fails lets go again', async () => {
  const { disk } = await threeGroups()
  disk.platter.remove('store')
  await expect(open(disk.mount())).rejects.toMatchObject({ code: 'Damaged' })
  expect(disk.isLocked).toBe(false)
})

test('a torn end is cut, and counted', async () => {
  const { disk, ends } = await threeGroups()
  disk.platter.names.get('00000001.log')!.cut(ends[2]! - 7)
  const { cupboard, report } = await open(disk.mount())
  expect(report.tornBytes).toBeGreaterThan(0)
  expect(cupboard.summary).toBe('1:1 2:2')
  disk.kill()
  expect((await open(disk.mount())).report.tornBytes).toBe(0)
})

test('a flipped bit before a later group is damage, and nothing is touched', async () => {
  const { disk, ends } = await threeGroups()
  // In the record, in the length of the record, and in the mark of the group.
  for (const at of [ends[0]! + 60, ends[0]! + 26 + 5, ends[0]! + 3]) {
    flip(disk, '00000001.log', at)
    const before = contents(disk)
    await expect(open(disk.mount())).rejects.toMatchObject({ code: 'Damaged' })
    expect(contents(disk)).toEqual(before)
    flip(disk, '00000001.log', at)
  }
  expect((await open(disk.mount())).cupboard.summary).toBe('1:1 2:2 3:3')
})

test('a flipped bit in the last group is told from a torn one where somebody knows that it was safe', async () => {
  const { disk, ends } = await threeGroups()
  flip(disk, '00000001.log', ends[2]! - 3)
  const { journal, report } = await open(disk.mount())
  // Nobody knew.
  expect(report.tornBytes).toBeGreaterThan(0)
  await journal.close()

  const other = newDisk()
  const { cupboard, journal: second } = await open(other.mount())
  cupboard.put(1, 40)
  await safe(second)
  await settled()
  // A witness stood by.
  other.kill()
  flip(other, '00000001.log', other.platter.names.get('00000001.log')!.bytes.byteLength - 3)
  await expect(open(other.mount())).rejects.toMatchObject({ code: 'Damaged', message: expect.stringContaining('was up to') })
})

test('an end that is missing altogether is damage where the store was closed or a witness knows, and unknown where neither is', async () => {
  const { disk, ends } = await threeGroups()
  disk.platter.names.get('00000001.log')!.cut(ends[1]!)
  // What is left is as it was before the third one came: this is what nothing can tell.
  const { cupboard, journal, report } = await open(disk.mount())
  expect([cupboard.summary, report.tornBytes]).toEqual(['1:1 2:2', 0])
  await journal.close()
  disk.platter.names.get('00000001.log')!.cut(ends[0]!)
  await expect(open(disk.mount())).rejects.toMatchObject({ code: 'Damaged' })
})

test.each(['store', '00000001.log'])('without %s there is no start, and no empty store', async (name) => {
  const { disk } = await threeGroups()
  disk.platter.remove(name)
  const before = contents(disk)
  await expect(open(disk.mount())).rejects.toMatchObject({ code: 'Damaged', message: expect.stringContaining(name) })
  expect(contents(disk)).toEqual(before)
})

test('a disk that gives less than there is costs no record', async () => {
  const { disk } = await threeGroups()
  const before = contents(disk)
  disk.mostReadBytes = 100
  await expect(open(disk.mount())).rejects.toMatchObject({ code: 'Damaged', message: expect.stringContaining('instead of') })
  expect(contents(disk)).toEqual(before)
  disk.mostReadBytes = Number.POSITIVE_INFINITY
  expect((await open(disk.mount())).cupboard.summary).toBe('1:1 2:2 3:3')
})

test('records of another store do not count', async () => {
  const [one, other] = [await threeGroups(), newDisk()]
  const stranger = await open(other.mount(), { ports: { ...options.ports, random: new Seeded(99) } })
  stranger.cupboard.put(1, 40)
  await safe(stranger.journal)
  one.disk.platter.names.get('00000001.log')!.bytes = other.platter.names.get('00000001.log')!.bytes
  await expect(open(one.disk.mount())).rejects.toMatchObject({ code: 'Damaged', message: expect.stringContaining('another store') })
})

test('a store of a newer version is refused in a sentence, and stays as it is', async () => {
  const { disk } = await threeGroups()
  const { writeStore, readStore } = await import('../packages/server/src/journal/store-file.js')
  const inode = disk.platter.names.get('store')!
  inode.bytes = writeStore({ ...readStore(inode.bytes), version: 4 })
  const before = contents(disk)
  await expect(open(disk.mount())).rejects.toMatchObject({
    code: 'Incompatible',
    message: expect.stringContaining('has version 4 of the format, and this one knows 3'),
  })
  expect(contents(disk)).toEqual(before)
})

test('a store of the first version is brought to the present one, wherever that is interrupted', async () => {
  for (let endsAt = 0; ; endsAt++) {
    const disk = newDisk()
    for (const name of ['store', '00000001.log', '00000002.log']) {
      const inode = disk.platter.create(name)
      inode.write([readFileSync(join(fixture, name))], 0)
      inode.makeSafe()
    }
    disk.platter.makeNamesSafe()
    let isEnded = false
    disk.before = ({ index }) => {
      if (index !== endsAt) return
      isEnded = true
      disk.losePower()
    }
    await Promise.race([open(disk.mount()), settled()])
    const isWhole = !isEnded
    disk.before = () => {}
    disk.kill()
    const { cupboard, journal, report } = await open(disk.mount())
    expect(cupboard.summary).toBe('1:6 3:3 4:5')
    expect(journal.epoch).toBeGreaterThan(7)
    await cupboard.verify()
    await journal.close()
    expect([...disk.platter.names.keys()].filter((name) => name === '00000001.log' || name === '00000002.log')).toEqual([])
    if (!isWhole) continue
    expect(report.upgradedFrom).toBeUndefined()
    expect(endsAt).toBeGreaterThan(30)
    break
  }
})

test('a damaged store of the first version is refused', async () => {
  const disk = newDisk()
  for (const name of ['store', '00000001.log', '00000002.log'])
    disk.platter.create(name).bytes = new Uint8Array(readFileSync(join(fixture, name)))
  flip(disk, '00000001.log', 90)
  await expect(open(disk.mount())).rejects.toMatchObject({ code: 'Damaged' })
  flip(disk, '00000001.log', 90)
  expect((await open(disk.mount())).report).toMatchObject({ upgradedFrom: 1, records: 6 })
})

test.each(['write', 'sync'] as const)('a %s that fails ends it: who waits is told, nothing more is taken', async (deed) => {
  const disk = newDisk()
  const noticed: string[] = []
  const { cupboard, journal } = await open(disk.mount(), { notice: (error) => noticed.push(error.code) })
  cupboard.put(1, 10)
  await safe(journal)
  disk.before = (doing) => {
    if (doing.deed === deed && doing.name.endsWith('.log')) throw systemError('EIO', doing.name)
  }
  cupboard.put(2, 10)
  const heard: string[] = []
  journal.whenSafe(
    () => heard.push('safe'),
    (error) => heard.push(error.code),
  )
  await settled()
  expect(heard).toEqual(['Damaged'])
  expect(noticed).toEqual(['Damaged'])
  expect(journal.failure).toMatchObject({ code: 'Damaged', message: expect.stringContaining('EIO') })
  expect(() => cupboard.put(3, 10)).toThrow(expect.objectContaining({ code: 'Damaged' }))
  expect(journal.hasRoom(1)).toBe(false)
  await expect(safe(journal)).rejects.toMatchObject({ code: 'Damaged' })
  await journal.close()
  disk.before = () => {}
  // The sync is what failed: the second one may be there or not.
  expect((await open(disk.mount())).cupboard.summary).toMatch(/^1:1( 2:2)?$/)
})

test('after a sync that failed, what the system still shows is written anew before anybody rests on it', async () => {
  for (let seed = 1; seed < 20; seed++) {
    const disk = new VirtualDisk({ random: new Seeded(seed) })
    const { cupboard } = await open(disk.mount())
    cupboard.put(1, 10)
    await settled()
    disk.before = ({ deed, name }) => {
      if (deed === 'sync' && name.endsWith('.log')) throw systemError('EIO', name)
    }
    cupboard.put(2, 10)
    await settled()
    disk.before = () => {}
    disk.kill()
    expect((await open(disk.mount())).cupboard.summary).toBe('1:1 2:2')
    disk.losePower()
    expect((await open(disk.mount())).cupboard.summary, `seed ${seed}`).toBe('1:1 2:2')
  }
})

test('a reserve of the disk is left to what must not fail; a disk that is full in spite of it ends it', async () => {
  const disk = newDisk()
  disk.capacityBytes = 20_000
  const { cupboard, journal } = await open(disk.mount(), { reserveBytes: 8000 })
  expect([journal.hasRoom(11_000), journal.hasRoom(12_500)]).toEqual([true, false])
  cupboard.put(1, 11_000)
  expect(journal.hasRoom(1500)).toBe(false)
  await safe(journal)
  await settled()
  expect([journal.hasRoom(200), journal.hasRoom(1500)]).toEqual([true, false])
  // An outcome goes in all the same.
  cupboard.put(2, 3000)
  await safe(journal)
  await settled()
  disk.capacityBytes = 30_000
  // It asks the disk again only when it has to say no.
  expect(journal.hasRoom(1500)).toBe(false)
  await settled()
  expect(journal.hasRoom(1500)).toBe(true)
  cupboard.put(3, 40_000)
  await expect(safe(journal)).rejects.toMatchObject({ code: 'Damaged', message: expect.stringContaining('full') })
  await journal.close()
  expect((await open(disk.mount())).cupboard.summary).toBe('1:1 2:2')
})

test('a store has no room above the bytes that it may have', async () => {
  const { journal } = await open(newDisk().mount(), { maxBytes: 1000 })
  expect([journal.hasRoom(1000), journal.hasRoom(1001)]).toEqual([true, false])
  journal.append(1, [new Uint8Array(700)])
  expect(journal.hasRoom(300)).toBe(false)
})

test('what is moved reads the same, and the disk holds at most twice what is needed and what came since the snapshot', async () => {
  const disk = newDisk()
  const [segmentBytes, snapshotBytes] = [8000, 20_000]
  const { cupboard, journal } = await open(disk.mount(), { segmentBytes, snapshotBytes })
  let live = 0
  let moves = 0
  for (let round = 0; round < 400; round++) {
    // Few stay, many pass.
    if (round % 10 === 0) live += 500 + 26
    cupboard.put(round % 10 === 0 ? round : 5000 + (round % 7), 500)
    await safe(journal)
    await settled()
    ;({ moves } = cupboard)
    const bound = 2 * (live + 7 * 600) + 2 * snapshotBytes + 3 * segmentBytes + 2 * 40 * cupboard.things.size
    expect(disk.platter.bytes, `round ${round}`).toBeLessThan(bound)
  }
  expect(moves).toBeGreaterThan(20)
  await cupboard.verify()
  await journal.close()
  const again = await open(disk.mount())
  expect(again.cupboard.summary).toBe(cupboard.summary)
  await again.cupboard.verify()
})

test('a segment that cannot be read through keeps what is in it', async () => {
  const disk = newDisk()
  const noticed: string[] = []
  const small = { segmentBytes: 4000, snapshotBytes: 9000, notice: (error: Error) => noticed.push(error.message) }
  const { cupboard, journal } = await open(disk.mount(), small)
  cupboard.put(1, 300)
  for (let id = 2; id < 12; id++) cupboard.put(id, 300)
  await safe(journal)
  flip(disk, '00000001.log', 1500)
  for (let round = 0; round < 100; round++) {
    cupboard.put(2 + (round % 10), 300)
    await safe(journal)
    await settled()
  }
  expect(noticed).toEqual([expect.stringContaining('00000001.log cannot be read through')])
  await read(journal, cupboard.things.get(1)!.place)
})

test('a snapshot that cannot be written costs nothing but a notice', async () => {
  const disk = newDisk()
  const noticed: string[] = []
  const { cupboard, journal } = await open(disk.mount(), { snapshotBytes: 3000, notice: (error) => noticed.push(error.message) })
  disk.before = ({ deed, name }) => {
    if (deed === 'write' && name === 'snapshot.new') throw systemError('EIO', name)
  }
  for (let id = 0; id < 20; id++) {
    cupboard.put(id, 300)
    await safe(journal)
    await settled()
  }
  expect(noticed.length).toBeGreaterThan(0)
  disk.before = () => {}
  for (let id = 0; id < 20; id++) {
    cupboard.put(id, 300)
    await safe(journal)
    await settled()
  }
  expect([...disk.platter.names.keys()]).toContainEqual(expect.stringMatching(/\.snapshot$/))
  await journal.close()
  expect((await open(disk.mount())).cupboard.summary).toBe(cupboard.summary)
})

describe('on a disk that is nearly full', () => {
  const reserveBytes = 50_000

  /** So many things more, each safe; what the journal must not fail to take. */
  async function put({ cupboard, journal }: Opened, from: number, count: number): Promise<void> {
    for (let id = from; id < from + count; id++) {
      cupboard.put(id, 20)
      if (id % 100 === 0) await safe(journal)
    }
    await safe(journal)
    await settled()
  }

  /** The least that was free while a snapshot was written. */
  function watched(disk: VirtualDisk): { begun: number; leastFree: number } {
    const seen = { begun: 0, leastFree: Number.POSITIVE_INFINITY }
    let isWriting = false
    disk.before = ({ deed, name }) => {
      if (deed === 'create' && name === 'snapshot.new') seen.begun++
      if (isWriting) seen.leastFree = Math.min(seen.leastFree, disk.capacityBytes - disk.platter.bytes)
      isWriting = (deed === 'create' || deed === 'write') && name === 'snapshot.new'
    }
    return seen
  }

  test('a snapshot does not begin where it would take what ends of calls need', async () => {
    const disk = newDisk()
    const opened = await open(disk.mount(), { reserveBytes, snapshotBytes: 100_000 })
    await put(opened, 1, 3000)
    const length = [...disk.platter.names].find(([name]) => name.endsWith('.snapshot'))![1].bytes.byteLength
    const seen = watched(disk)
    disk.capacityBytes = disk.platter.bytes + length / 2 + 120_000
    await put(opened, 3001, 3000)
    expect(seen.begun).toBe(0)
    expect([opened.journal.hasRoom(1), opened.journal.failure]).toEqual([false, undefined])
    disk.capacityBytes += 2 * length
    await put(opened, 6001, 2)
    await put(opened, 6003, 2)
    expect(seen).toEqual({ begun: 1, leastFree: expect.any(Number) })
    expect([...disk.platter.names.keys()].filter((name) => name.endsWith('.snapshot'))).toHaveLength(1)
    await opened.journal.close()
    expect((await open(disk.mount())).cupboard.summary).toBe(opened.cupboard.summary)
  })

  test('one that turns out longer ends before that, and comes when there is room', async () => {
    const disk = newDisk()
    const opened = await open(disk.mount(), { reserveBytes, snapshotBytes: 300_000 })
    await put(opened, 1, 5500)
    const seen = watched(disk)
    disk.capacityBytes = disk.platter.bytes + reserveBytes + 150_000
    await put(opened, 5501, 1500)
    expect(seen.begun).toBe(1)
    expect(seen.leastFree).toBeGreaterThan(reserveBytes * 0.9)
    expect([...disk.platter.names.keys()].filter((name) => name.includes('snapshot'))).toEqual([])
    await put(opened, 7001, 100)
    expect(seen.begun).toBe(1)
    disk.capacityBytes += 400_000
    await put(opened, 7101, 2)
    await put(opened, 7103, 2)
    expect(seen.begun).toBe(2)
    expect([...disk.platter.names.keys()].filter((name) => name.endsWith('.snapshot'))).toHaveLength(1)
    await opened.journal.close()
    expect((await open(disk.mount())).cupboard.summary).toBe(opened.cupboard.summary)
  })
})

test('a snapshot is gathered in pieces of 64 KiB, and others run in between', async () => {
  const disk = newDisk()
  const { cupboard, journal } = await open(disk.mount(), { snapshotBytes: 300_000 })
  for (let id = 0; id < 5000; id++) cupboard.put(id, 40)
  let taken = 0
  const pieces: number[] = []
  const entries = cupboard.entries.bind(cupboard)
  cupboard.entries = function* () {
    for (const entry of entries()) {
      taken++
      yield entry
    }
  }
  disk.before = ({ deed, name }) => {
    if (deed !== 'write' || name !== 'snapshot.new') return
    pieces.push(taken)
    taken = 0
  }
  await safe(journal)
  while (!disk.platter.names.has('00000002.snapshot')) await Promise.resolve()
  expect(pieces.reduce((sum, piece) => sum + piece)).toBe(5001)
  expect(Math.max(...pieces)).toBeLessThanOrEqual(65_536 / 44 + 1)
  await journal.close()
})

test('an orderly end leaves a start few records to read', async () => {
  const disk = newDisk()
  const small = { snapshotBytes: 40_000 }
  const first = await open(disk.mount(), small)
  for (let id = 1; id <= 100; id++) first.cupboard.put(id, 40)
  await first.journal.close()
  const second = await open(disk.mount(), small)
  // What is little is not worth it.
  expect(second.report).toMatchObject({ entries: 0, records: 100 })
  for (let id = 101; id <= 400; id++) second.cupboard.put(id, 40)
  await second.journal.close()
  const third = await open(disk.mount(), small)
  expect(third.report).toMatchObject({ entries: 401, records: 0 })
  expect(third.cupboard.summary).toBe(second.cupboard.summary)
  await third.cupboard.verify()
  await third.journal.close()
})

test('an orderly end that breaks off a snapshot takes one of its own', async () => {
  const disk = newDisk()
  const { cupboard, journal } = await open(disk.mount(), { snapshotBytes: 300_000 })
  let ending: Promise<void> | undefined
  // In the middle of it.
  disk.before = ({ deed, name }) => {
    if (deed === 'write' && name === 'snapshot.new') ending ??= journal.close()
  }
  for (let id = 0; id < 5000; id++) cupboard.put(id, 40)
  while (ending === undefined) await Promise.resolve()
  await ending
  const later = await open(disk.mount(), { snapshotBytes: 300_000 })
  expect(later.report).toMatchObject({ entries: 5001, records: 0 })
  await later.journal.close()
})

test('many short segments of many starts become a snapshot', async () => {
  const disk = newDisk()
  for (let start = 0; start < 40; start++) {
    const { cupboard, journal } = await open(disk.mount())
    cupboard.put(start % 3, 10)
    await settled()
    await journal.close()
  }
  expect([...disk.platter.names.keys()].filter((name) => name.endsWith('.log')).length).toBeLessThan(20)
})
