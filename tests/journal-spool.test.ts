/** Records that come in pieces, on a disk: what is left of them wherever that is broken off, and what is told of them when they are not as they were. */
import { readFileSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { backup, check, openJournal, type Disk, type Journal, type JournalOptions, type Place } from '@waybill/server/store'
import { asJob, Seeded, systemError, VirtualDisk, type Doing } from '@waybill/testkit'
import { Cupboard, isSpooled, read, readPart, safe, spooled } from '@waybill/testkit/suites'
import { afterAll, describe, expect, test } from 'vitest'
import { endChildren, startNode } from './fixtures/children.js'

const options = { ports: { random: new Seeded(1), soon: { onTick: asJob, afterInput: asJob } } }
const PIECE = 256 * 1024
const HEAD = 64

interface Opened {
  readonly cupboard: Cupboard
  readonly journal: Journal
}

async function open(disk: Disk, more: Partial<JournalOptions> = {}): Promise<Opened> {
  const cupboard = new Cupboard()
  const { journal } = await openJournal(disk, cupboard, { ...options, ...more })
  cupboard.journal = journal
  return { cupboard, journal }
}

const newDisk = (): VirtualDisk => new VirtualDisk({ random: new Seeded(1) })
const filesOf = (disk: VirtualDisk, ending: string): string[] => [...disk.platter.names.keys()].filter((name) => name.endsWith(ending))

async function settled(): Promise<void> {
  for (let turn = 0; turn < 500; turn++) await Promise.resolve()
}

function flip(disk: VirtualDisk, name: string, at: number): void {
  disk.platter.names.get(name)!.bytes[at]! ^= 4
}

function failing(disk: VirtualDisk, code: 'EIO' | 'ENOSPC', when: (doing: Doing) => boolean): void {
  disk.before = (doing) => {
    if (when(doing)) throw systemError(code, doing.name)
  }
}

/** A thing that was put, and one of three pieces that was spooled, in a store that was closed. */
async function spooledStore(): Promise<{ disk: VirtualDisk; place: Place }> {
  const disk = newDisk()
  const { cupboard, journal } = await open(disk.mount())
  cupboard.put(1, 10)
  await cupboard.spool(2, [PIECE, PIECE, 1000], () => {})
  await journal.close()
  return { disk, place: cupboard.things.get(2)!.place }
}

test('wherever the power goes or the process ends, all of it is there or nothing, and no file too many', async () => {
  const found = new Map<string, number>()
  for (const end of ['power', 'kill'] as const)
    for (let endsAt = 0; ; endsAt++) {
      const disk = new VirtualDisk({ random: new Seeded(endsAt) })
      let isEnded = false
      let isSafe = false
      disk.before = ({ index }) => {
        if (index !== endsAt) return
        isEnded = true
        if (end === 'power') disk.losePower()
        else disk.kill()
      }
      const work = async (): Promise<void> => {
        const { cupboard, journal } = await open(disk.mount(), { snapshotBytes: 1000 })
        const aborted = journal.spool()
        await aborted.write(spooled(0, 100))
        await cupboard.spool(1, [300, 400], () => {})
        await safe(journal)
        isSafe = !isEnded
        await aborted.abort()
        await settled()
        await journal.close()
      }
      await Promise.race([work(), settled().then(settled)])
      disk.before = () => {}
      disk.kill()
      const { cupboard, journal } = await open(disk.mount())
      if (isSafe) expect(cupboard.summary, `${end} at ${endsAt}`).toBe('1:1')
      await cupboard.verify()
      await settled()
      expect(filesOf(disk, '.new')).toEqual([])
      if (cupboard.things.size === 0) expect(filesOf(disk, '.blob')).toEqual([])
      found.set(cupboard.summary, (found.get(cupboard.summary) ?? 0) + 1)
      await journal.close()
      if (isEnded) continue
      expect(endsAt).toBeGreaterThan(25)
      break
    }
  expect([...found.keys()].toSorted()).toEqual(['', '1:1'])
})

describe('where there is no room', () => {
  test('it is refused before a byte too many is written, nothing is left of it, and there is room again', async () => {
    const disk = newDisk()
    const { cupboard, journal } = await open(disk.mount(), { maxBytes: 10_000 })
    const spool = journal.spool()
    await spool.write(spooled(0, 6000))
    // Others count with it.
    expect([journal.hasRoom(3000), journal.hasRoom(5000)]).toEqual([true, false])
    await expect(spool.write(spooled(6000, 6000))).rejects.toMatchObject({
      code: 'Overloaded',
      executed: 'no',
      message: expect.stringContaining('no room in virtual for 12000 bytes'),
    })
    expect(filesOf(disk, '.new')).toEqual([])
    expect(() => spool.end(3, [])).toThrow(expect.objectContaining({ code: 'Closed' }))
    expect(journal.hasRoom(9000)).toBe(true)
    await cupboard.spool(1, [4000, 4000], () => {})
    expect(journal.hasRoom(3000)).toBe(false)
    await safe(journal)
    await cupboard.verify()
  })

  test('the reserve of the disk is left to what must not fail', async () => {
    const disk = newDisk()
    disk.capacityBytes = 30_000
    const { cupboard, journal } = await open(disk.mount(), { reserveBytes: 8000 })
    const spools = [journal.spool(), journal.spool()]
    for (const spool of spools) await spool.write(spooled(0, 9000))
    await expect(spools[0]!.write(spooled(0, 9000))).rejects.toMatchObject({ code: 'Overloaded' })
    await settled()
    await spools[1]!.write(spooled(0, 9000))
    cupboard.put(1, 3000)
    await safe(journal)
    expect(disk.platter.bytes).toBeLessThan(22_500)
  })

  test('a disk that is full in spite of it refuses the spool and nobody else', async () => {
    const disk = newDisk()
    const { cupboard, journal } = await open(disk.mount())
    failing(disk, 'ENOSPC', ({ deed, name }) => deed === 'write' && name.startsWith('spool-'))
    await expect(cupboard.spool(1, [1000], () => {})).rejects.toMatchObject({ code: 'Overloaded' })
    expect(filesOf(disk, '.new')).toEqual([])
    cupboard.put(2, 10)
    await safe(journal)
    expect(journal.failure).toBeUndefined()
  })
})

describe('where the disk fails', () => {
  test.each(['create', 'write', 'sync'] as const)(
    'a %s before the end is told to who writes, and costs nobody else anything',
    async (deed) => {
      const disk = newDisk()
      const { cupboard, journal } = await open(disk.mount())
      failing(disk, 'EIO', (doing) => doing.deed === deed && doing.name.startsWith('spool-'))
      // So much that it is synced on the way.
      await expect(cupboard.spool(1, [9_000_000], () => {})).rejects.toMatchObject({
        code: 'Damaged',
        message: expect.stringContaining('EIO'),
      })
      disk.before = () => {}
      expect(filesOf(disk, '.new')).toEqual([])
      cupboard.put(2, 10)
      await cupboard.spool(3, [10], () => {})
      await safe(journal)
      await journal.close()
      expect((await open(disk.mount())).cupboard.summary).toBe('2:1 3:2')
    },
  )

  test.each(['write', 'sync', 'rename', 'syncFolder'] as const)(
    'a %s from its end on ends the journal, as with any record',
    async (deed) => {
      const disk = newDisk()
      const { cupboard, journal } = await open(disk.mount())
      cupboard.put(1, 10)
      await safe(journal)
      const other = journal.spool()
      await other.write(spooled(0, 10))
      await cupboard.spool(2, [100], () => {
        failing(disk, 'EIO', ({ deed: done, name }) => done === deed && (deed === 'syncFolder' || /spool-|blob$/.test(name)))
      })
      const { place } = cupboard.things.get(2)!
      const reading = readPart(journal, place, 0, 10)
      await expect(safe(journal)).rejects.toMatchObject({ code: 'Damaged' })
      await expect(reading).rejects.toMatchObject({ code: 'Damaged' })
      expect(journal.failure?.code).toBe('Damaged')
      await expect(other.write(spooled(10, 10))).rejects.toMatchObject({ code: 'Damaged' })
      expect(() => journal.spool()).toThrow(expect.objectContaining({ code: 'Damaged' }))
      disk.before = () => {}
      await journal.close()
      const again = await open(disk.mount())
      expect(again.cupboard.summary).toBe('1:1')
      expect([filesOf(disk, '.new'), filesOf(disk, '.blob')]).toEqual([[], []])
    },
  )
})

describe('what is not as it was', () => {
  test('is told for each piece that a part touches, and for no other', async () => {
    const { disk, place } = await spooledStore()
    flip(disk, '00000001.blob', HEAD + PIECE + 5)
    const { journal } = await open(disk.mount())
    expect(isSpooled(await readPart(journal, place, 10, PIECE - 10), 10, PIECE - 10)).toBe(true)
    expect(isSpooled(await readPart(journal, place, 2 * PIECE, 1000), 2 * PIECE, 1000)).toBe(true)
    for (const [offset, length] of [
      [PIECE - 1, 2],
      [PIECE + 100_000, 1],
      [2 * PIECE - 1, 500],
    ] as const)
      await expect(readPart(journal, place, offset, length)).rejects.toMatchObject({
        code: 'Damaged',
        message: expect.stringContaining('00000001.blob'),
      })
    await expect(read(journal, place)).rejects.toMatchObject({ code: 'Damaged' })
    expect((await check(disk.mount())).damaged).toEqual([expect.stringContaining(`00000001.blob does not fit at ${PIECE}`)])
    await expect(backup(disk.mount(), newDisk().mount(), new Seeded(1))).rejects.toMatchObject({ code: 'Damaged' })
  })

  test('pieces that have changed places are not those that were written', async () => {
    const { disk, place } = await spooledStore()
    const { bytes } = disk.platter.names.get('00000001.blob')!
    const [first, second] = [bytes.slice(HEAD, HEAD + PIECE), bytes.slice(HEAD + PIECE, HEAD + 2 * PIECE)]
    bytes.set(second, HEAD)
    bytes.set(first, HEAD + PIECE)
    const tail = bytes.byteLength - 12
    const sums = bytes.slice(tail, tail + 8)
    bytes.set(sums.slice(4), tail)
    bytes.set(sums.slice(0, 4), tail + 4)
    await expect(open(disk.mount())).rejects.toMatchObject({ code: 'Damaged' })
    bytes.set(sums, tail)
    const { journal } = await open(disk.mount())
    await expect(readPart(journal, place, 0, 1)).rejects.toMatchObject({ code: 'Damaged' })
  })

  test.each([
    ['its head', (disk: VirtualDisk) => flip(disk, '00000001.blob', 40)],
    ['its checksums', (disk: VirtualDisk) => flip(disk, '00000001.blob', HEAD + 2 * PIECE + 1000 + 5)],
    ['its end', (disk: VirtualDisk) => disk.platter.names.get('00000001.blob')!.cut(HEAD + 2 * PIECE)],
    ['all of it', (disk: VirtualDisk) => disk.platter.remove('00000001.blob')],
  ])('keeps a store from opening where that is %s', async (_, change) => {
    const { disk } = await spooledStore()
    change(disk)
    await expect(open(disk.mount())).rejects.toMatchObject({ code: 'Damaged', message: expect.stringContaining('00000001.blob') })
    expect((await check(disk.mount())).damaged).toContainEqual(expect.stringContaining('00000001.blob'))
  })
})

test('a start looks at its head and its end alone', async () => {
  const { disk } = await spooledStore()
  const at = new Map<string, number>()
  disk.before = ({ deed, name }) => {
    if (deed === 'read') at.set(name, (at.get(name) ?? 0) + 1)
  }
  disk.mostReadBytes = 5000
  const { cupboard } = await open(disk.mount())
  expect(cupboard.summary).toBe('1:1 2:2')
  expect(at.get('00000001.blob')).toBe(2)
})

test('while one is spooled, snapshots are written, and the store is checked and copied', async () => {
  const disk = newDisk()
  const { cupboard, journal } = await open(disk.mount(), { snapshotBytes: 1000, segmentBytes: 500 })
  const slow = journal.spool()
  await slow.write(spooled(0, 100))
  for (let id = 2; id < 12; id++) {
    await cupboard.spool(id % 3, [100, 300], () => {})
    await safe(journal)
    await settled()
  }
  expect(filesOf(disk, '.snapshot')).toHaveLength(1)
  expect((await check(disk.mount())).damaged).toEqual([])
  const copy = newDisk()
  await backup(disk.mount(), copy.mount(), new Seeded(2))
  const copied = await open(copy.mount())
  expect(copied.cupboard.summary).toBe(cupboard.summary)
  await copied.cupboard.verify()
  // What was replaced is gone, but for the last ones, which no snapshot has seen go.
  expect(filesOf(disk, '.blob').length).toBeLessThan(8)
  await slow.write(spooled(100, 100))
  const place = slow.end(3, [new Uint8Array(Float64Array.of(50, 1000).buffer)])
  await safe(journal)
  expect(isSpooled(await read(journal, place), 0, 200)).toBe(true)
  expect((await check(disk.mount())).damaged).toEqual([])
})

test('a store of the second version opens, is read as it is, and takes what is spooled', async () => {
  const folder = join(import.meta.dirname, 'fixtures', 'store-2')
  const disk = newDisk()
  for (const name of await readdir(folder)) {
    const inode = disk.platter.create(name)
    inode.write([readFileSync(join(folder, name))], 0)
    inode.makeSafe()
  }
  disk.platter.makeNamesSafe()
  expect((await check(disk.mount())).damaged).toEqual([])
  const cupboard = new Cupboard()
  const { journal, report } = await openJournal(disk.mount(), cupboard, options)
  cupboard.journal = journal
  expect([cupboard.summary, report.upgradedFrom]).toEqual(['2:2 3:7 4:5 5:6', 2])
  await cupboard.verify()
  // Its blobs are of one piece.
  expect(await readPart(journal, cupboard.things.get(2)!.place, 60_000, 2)).toEqual(Uint8Array.of(2, 2))
  await cupboard.spool(1, [10, 300_000], () => {})
  await safe(journal)
  const copy = newDisk()
  await backup(disk.mount(), copy.mount(), new Seeded(2))
  await journal.close()
  for (const one of [disk, copy]) {
    const again = await open(one.mount())
    expect(again.cupboard.summary).toBe('1:8 2:2 3:7 4:5 5:6')
    await again.cupboard.verify()
  }
  flip(disk, '00000001.blob', 1000)
  expect((await check(disk.mount())).damaged).toEqual([expect.stringContaining('00000001.blob')])
})

test('what is spooled and read again takes no more memory than a few pieces', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'waybill-'))
  const child = startNode('tests/fixtures/spooling.mjs', [join(folder, 'store'), '64'])
  // As many as 300 MiB take.
  const [, bytes, wrong, grown] = await child.prints(/^spooled (\d+) wrong (\d+) grown (\d+) MiB$/m, 60_000)
  expect([Number(bytes), Number(wrong)]).toEqual([64 * 1024 * 1024, 0])
  expect(Number(grown)).toBeLessThan(48)
  await child.ended
  await rm(folder, { recursive: true })
}, 90_000)

afterAll(() => endChildren())
