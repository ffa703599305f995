/** The journals, as each of them must be. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { systemPorts } from '@waybill/core/system'
import { MemoryJournal, nodeDisk, openJournal } from '@waybill/server/store'
import { Seeded, VirtualDisk, World } from '@waybill/testkit'
import { Cupboard, journalSuite } from '@waybill/testkit/suites'
import { expect, test } from 'vitest'
import { checksum, shortChecksum } from '../packages/server/src/journal/checksum.js'

journalSuite('in memory', () => Promise.resolve({ journal: new MemoryJournal(), end: () => Promise.resolve() }))

journalSuite('on a virtual disk', async () => {
  const disk = new VirtualDisk({ random: new Seeded(1) })
  const { journal } = await openJournal(disk.mount(), new Cupboard(), { ports: systemPorts })
  return { journal, end: () => Promise.resolve() }
})

journalSuite('on a disk of a world', async () => {
  const world = new World({ flows: true })
  const disk = new VirtualDisk({ random: world.random, after: (delayMs, run) => world.after(delayMs, run) })
  const { journal } = await openJournal(disk.mount(), new Cupboard(), { ports: world.process('router') })
  return { journal, end: () => Promise.resolve() }
})

journalSuite('on a real disk', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'waybill-'))
  const { journal } = await openJournal(nodeDisk(join(folder, 'store')), new Cupboard(), { ports: systemPorts })
  return { journal, end: () => rm(folder, { recursive: true }) }
})

test('in memory there is as much room as was given, less what is kept', () => {
  const journal = new MemoryJournal({ maxBytes: 10 })
  const place = journal.append(1, [new Uint8Array(8)])
  expect([journal.hasRoom(2), journal.hasRoom(3)]).toEqual([true, false])
  journal.release(place)
  journal.release(place)
  expect([journal.hasRoom(10), journal.hasRoom(11)]).toEqual([true, false])
})

test('a checksum is that of zip, here as there, and goes on from a seed', () => {
  const bytes = Uint8Array.from({ length: 300 }, (_, at) => (at * 7) & 0xff)
  expect(shortChecksum(new TextEncoder().encode('123456789'), 0, 9, 0)).toBe(0xcbf43926)
  for (const [from, to] of [
    [0, 0],
    [0, 300],
    [1, 130],
    [3, 98],
    [5, 6],
  ] as const)
    for (const seed of [0, 1, 0xffff_ffff]) expect(shortChecksum(bytes, from, to, seed)).toBe(crc32(bytes.subarray(from, to), seed))
  expect(checksum(bytes, 100, 300, checksum(bytes, 0, 100, 0))).toBe(checksum(bytes, 0, 300, 0))
})
