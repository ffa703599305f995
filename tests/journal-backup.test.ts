/** A store is checked and copied in the middle of everything that its router does to it. */
import { backup, check, openJournal, type Journal } from '@waybill/server/store'
import { asJob, Seeded, VirtualDisk } from '@waybill/testkit'
import { Cupboard } from '@waybill/testkit/suites'
import { describe, expect, test } from 'vitest'

const ports = (random: Seeded) => ({ random, soon: { onTick: asJob, afterInput: asJob } })

interface Work extends AsyncDisposable {
  readonly disk: VirtualDisk
  readonly journal: Journal
  readonly history: Map<number, string>
  readonly safe: () => number
}

/** Puts and takes for ever, with segments and snapshots so small that they come and go all the time. */
async function working(seed: number): Promise<Work> {
  const random = new Seeded(seed)
  const disk = new VirtualDisk({ random })
  const cupboard = new Cupboard()
  const { journal } = await openJournal(disk.mount(), cupboard, {
    ports: ports(random),
    segmentBytes: random.pick([2000, 8000]),
    snapshotBytes: random.pick([5000, 30_000]),
  })
  cupboard.journal = journal
  const history = new Map([[0, '']])
  let safe = 0
  let isOver = false
  const work = async (): Promise<void> => {
    while (!isOver) {
      const id = random.whole(1, 30)
      const sequence = random.chance(0.7) ? cupboard.put(id, random.chance(0.1) ? 70_000 : random.whole(0, 300)) : cupboard.take(id)
      history.set(sequence, cupboard.summary)
      await new Promise<void>((resolve) => journal.whenSafe(resolve))
      safe = sequence
      for (let turns = random.whole(0, 30); turns > 0; turns--) await Promise.resolve()
    }
  }
  const worked = work()
  return {
    disk,
    journal,
    history,
    safe: () => safe,
    [Symbol.asyncDispose]: async () => {
      isOver = true
      await worked
      await journal.close()
    },
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await Promise.resolve()
}

describe.each(Array.from({ length: 25 }, (_, seed) => seed + 1))('with seed %i', (seed) => {
  test('a copy is the store at one moment, and reads', async () => {
    await using work = await working(seed)
    const { disk, history, safe } = work
    for (let round = 1; round <= 4; round++) {
      await until(() => safe() >= round * 60)
      const least = safe()
      const copy = new VirtualDisk({ random: new Seeded(seed) })
      await backup(disk.mount(), copy.mount(), new Seeded(seed))
      const cupboard = new Cupboard()
      const { journal } = await openJournal(copy.mount(), cupboard, { ports: ports(new Seeded(seed)) })
      cupboard.journal = journal
      expect(cupboard.sequence).toBeGreaterThanOrEqual(least)
      expect(cupboard.summary).toBe(history.get(cupboard.sequence))
      await cupboard.verify()
      await journal.close()
    }
  })

  test('a check finds nothing wrong', async () => {
    await using work = await working(seed + 1000)
    const { disk, safe } = work
    for (let round = 1; round <= 6; round++) {
      await until(() => safe() >= round * 40)
      expect((await check(disk.mount())).damaged).toEqual([])
    }
  })
})

test('a check finds each thing that is wrong, and says what there is', async () => {
  const work = await working(5)
  const { disk } = work
  await until(() => work.safe() >= 200)
  await work[Symbol.asyncDispose]()
  const whole = await check(disk.mount())
  expect(whole.damaged).toEqual([])
  const names = [...disk.platter.names.keys()]
  expect(whole.blobs).toBe(names.filter((name) => name.endsWith('.blob')).length)
  expect(whole.segments).toBe(names.filter((name) => name.endsWith('.log')).length)
  for (const name of names) {
    if (name === 'witness' || name === 'store') continue
    const inode = disk.platter.names.get(name)!
    const at = inode.bytes.byteLength - 5
    inode.write([Uint8Array.of(inode.bytes[at]! ^ 1)], at)
    expect((await check(disk.mount())).damaged, name).toEqual([expect.stringContaining(name)])
    const copy = new VirtualDisk({ random: new Seeded(5) })
    await expect(backup(disk.mount(), copy.mount(), new Seeded(5)), name).rejects.toMatchObject({ code: 'Damaged' })
    inode.write([Uint8Array.of(inode.bytes[at]! ^ 1)], at)
  }
  expect(await check(disk.mount())).toEqual(whole)
})
