/** A store in a folder of the system: who may have it, who else may look, and what is left when its process is killed. */
import { chmod, mkdir, mkdtemp, readdir, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemPorts } from '@waybill/core/system'
import { backup, check, nodeDisk, openJournal } from '@waybill/server/store'
import { Cupboard } from '@waybill/testkit/suites'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { endChildren, startNode, type Child } from './fixtures/children.js'

let root: string
let folder: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'waybill-'))
  folder = join(root, 'store')
})
afterEach(() => rm(root, { recursive: true }))
afterAll(() => endChildren())

const keeper = (...args: readonly string[]): Child => startNode('tests/fixtures/store-keeper.mjs', args)

async function open(at = folder): Promise<{ cupboard: Cupboard; close: () => Promise<void>; epoch: number }> {
  const cupboard = new Cupboard()
  const { journal } = await openJournal(nodeDisk(at), cupboard, { ports: systemPorts })
  cupboard.journal = journal
  return { cupboard, epoch: journal.epoch, close: () => journal.close() }
}

async function ended(child: Child): Promise<void> {
  child.kill('SIGKILL')
  await child.ended
}

describe('the folder', () => {
  test('is its owner’s alone, and so are its files', async () => {
    const { cupboard, close } = await open()
    cupboard.put(1, 100_000)
    await close()
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
    for (const name of await readdir(folder)) expect((await stat(join(folder, name))).mode & 0o777, name).toBe(0o600)
  })

  test('is refused where it is a link, open to others, or a file', async () => {
    await mkdir(join(root, 'other'), { mode: 0o700 })
    await symlink(join(root, 'other'), folder)
    await expect(open()).rejects.toMatchObject({ code: 'Forbidden', message: expect.stringContaining('symbolic link') })
    await chmod(join(root, 'other'), 0o750)
    await expect(open(join(root, 'other'))).rejects.toMatchObject({ code: 'Forbidden', message: expect.stringContaining('chmod 700') })
    expect(await readdir(join(root, 'other'))).toEqual([])
    await expect(check(nodeDisk(folder))).rejects.toMatchObject({ code: 'Forbidden' })
  })

  test('may have a name that is longer than the address of a socket', async () => {
    const long = join(root, 'x'.repeat(120))
    const { close } = await open(long)
    await expect(open(long)).rejects.toMatchObject({ code: 'Overloaded' })
    await close()
    expect((await readdir(long)).toSorted()).toEqual(['store'])
  })

  test('has no link that is followed in it', async () => {
    await (await open()).close()
    await rm(join(folder, 'store'))
    await symlink(join(root, 'elsewhere'), join(folder, 'store'))
    await expect(open()).rejects.toMatchObject({ code: 'Forbidden' })
  })
})

describe('one process at a time', () => {
  test('another one is refused, and learns which has it', async () => {
    const { close } = await open()
    await expect(open()).rejects.toMatchObject({ code: 'Overloaded', message: expect.stringContaining(`this process (${process.pid})`) })
    const other = keeper(folder)
    await other.prints(/^refused Overloaded/m)
    expect(other.stdout).toContain(`is open in process ${process.pid},`)
    await close()
    await (await open()).close()
  })

  test('after kill -9 the next has it at once, and all that was said to be safe', async () => {
    let least = 0
    for (let round = 1; round <= 3; round++) {
      const child = keeper(folder, 'work')
      const [, epoch, from] = await child.prints(/^open (\d+) (\d+)$/m)
      expect([Number(epoch), Number(from) >= least]).toEqual([round, true])
      await child.prints(/^safe \d+$/m)
      await ended(child)
      least = Number(
        child.stdout
          .match(/^safe (\d+)$/gm)!
          .at(-1)!
          .slice(5),
      )
    }
    const { cupboard, epoch, close } = await open()
    expect([epoch, cupboard.sequence >= least]).toEqual([4, true])
    await cupboard.verify()
    await close()
    expect((await readdir(folder)).filter((name) => name.startsWith('lock-'))).toEqual([])
  })

  test('of many that come at once, also over the sign of a dead one, exactly one gets it', async () => {
    const first = keeper(folder)
    await first.prints(/^open/m)
    await ended(first)
    const crowd = Array.from({ length: 6 }, () => keeper(folder))
    const said = await Promise.all(crowd.map(async (child) => (await child.prints(/^(?:open|refused).*/m))[0]))
    expect(said.filter((line) => line.startsWith('open'))).toEqual(['open 2 0'])
    const holder = crowd[said.findIndex((line) => line.startsWith('open'))]!
    for (const line of said)
      if (line.startsWith('refused')) expect(line).toMatch(/^refused Overloaded the store \S+ is open in process \d+,/)
    await ended(holder)
  })
})

describe('while a router writes to it', () => {
  test('it is checked and copied, and the copy opens', async () => {
    const child = keeper(folder, 'work')
    await child.prints(/^safe \d+$/m)
    for (let round = 0; round < 3; round++) {
      const least = Number(
        child.stdout
          .match(/^safe (\d+)$/gm)!
          .at(-1)!
          .slice(5),
      )
      const report = await check(nodeDisk(folder))
      expect(report.damaged).toEqual([])
      expect(report.records + report.entries).toBeGreaterThan(0)
      const copy = join(root, `copy ${round}`)
      const { files, bytes } = await backup(nodeDisk(folder), nodeDisk(copy), systemPorts.random)
      expect([files > 0, bytes > 1000]).toEqual([true, true])
      const { cupboard, close } = await open(copy)
      expect(cupboard.sequence).toBeGreaterThanOrEqual(least)
      await cupboard.verify()
      await close()
    }
    expect(child.isRunning).toBe(true)
    await ended(child)
  })

  test('a copy is another store to clients, and is made only into an empty folder', async () => {
    const { cupboard, close } = await open()
    cupboard.put(1, 10)
    await close()
    const copy = nodeDisk(join(root, 'copy'))
    await backup(nodeDisk(folder), copy, systemPorts.random)
    await expect(backup(nodeDisk(folder), copy, systemPorts.random)).rejects.toMatchObject({ code: 'BadArguments' })
    const [first, second] = [new Cupboard(), new Cupboard()]
    const one = await openJournal(nodeDisk(folder), first, { ports: systemPorts })
    const other = await openJournal(copy, second, { ports: systemPorts })
    expect(second.summary).toBe('1:1')
    expect(other.journal.store).not.toBe(one.journal.store)
    await Promise.all([one.journal.close(), other.journal.close()])
  })
})

test('where there is no store there is nothing to check or to copy, and none is made', async () => {
  const disk = nodeDisk(folder)
  await expect(check(disk)).rejects.toMatchObject({ code: 'BadArguments', message: expect.stringContaining('no store') })
  await expect(backup(disk, nodeDisk(join(root, 'copy')), systemPorts.random)).rejects.toMatchObject({ code: 'BadArguments' })
  expect(await readdir(root)).toEqual([])
})
