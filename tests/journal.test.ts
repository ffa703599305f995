/** The journals, as each of them must be. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemPorts } from '@waybill/core/system'
import { MemoryJournal, nodeDisk, openJournal } from '@waybill/server/store'
import { Seeded, VirtualDisk } from '@waybill/testkit'
import { Cupboard, journalSuite } from '@waybill/testkit/suites'
import { expect, test } from 'vitest'

journalSuite('in memory', () => Promise.resolve({ journal: new MemoryJournal(), end: () => Promise.resolve() }))

journalSuite('on a virtual disk', async () => {
  const disk = new VirtualDisk({ random: new Seeded(1) })
  const { journal } = await openJournal(disk.mount(), new Cupboard(), { ports: systemPorts })
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
