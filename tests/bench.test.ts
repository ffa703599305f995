/** The benchmark in its short form: that every kind of cell can be measured and says what it should, not how fast anything is. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '..')

interface Results {
  readonly failures: readonly string[]
  readonly results: readonly {
    readonly cell: { readonly name: string; readonly subscribers: number; readonly oneWay: boolean; readonly bodyBytes: number }
    readonly rounds: Readonly<Record<string, readonly { readonly calls: number; readonly cpuUs: number; readonly p99: number }[]>>
  }[]
}

test('each kind of cell is measured, for each who takes part in it', { timeout: 120_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'waybill-bench-'))
  const file = join(folder, 'figures.json')
  try {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['bench/main.mjs', '--short', '--cells', '64,b16k,e100', '--json', file],
      { cwd: root },
    )
    expect(stdout).toContain('waybill : raw-relay')
    const { failures, results } = JSON.parse(await readFile(file, 'utf8')) as Results
    expect(failures).toEqual([])
    expect(results.map(({ cell }) => cell.name)).toEqual(['64', 'b16k', 'e100'])
    for (const { cell, rounds } of results) {
      const isSmallCall = cell.subscribers === 0 && !cell.oneWay && cell.bodyBytes === 0
      for (const contender of ['raw-relay', 'waybill', ...(isSmallCall ? ['bare-frames'] : [])]) {
        const [figures] = rounds[contender]!
        expect(figures!.calls, `${cell.name}, ${contender}`).toBeGreaterThan(10)
        expect(figures!.cpuUs).toBeGreaterThan(0)
        expect(figures!.p99).toBeGreaterThan(0)
      }
    }
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('a wrong option says so and measures nothing', async () => {
  const run = promisify(execFile)(process.execPath, ['bench/main.mjs', '--cells', '65'], { cwd: root })
  await expect(run).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('no such name as 65') })
})

interface Streams {
  readonly down: { readonly mbPerSecond: number; readonly peakMiB: Readonly<Record<string, number>> }
  readonly up: Streams['down']
  readonly items: { readonly perSecond: number }
  readonly beside: Readonly<Record<'alone' | 'foreign' | 'beside' | 'ratio', { readonly median: number }>>
  readonly many: {
    readonly left: object
    readonly worker: object
    readonly router: { readonly pendingCalls: number; readonly heldCalls: number; readonly droppedCalls: number }
  }
}

test('streams are measured, stay in bounded memory, and leave every table as it was', { timeout: 120_000 }, async () => {
  const short = '--mib 40 --items 2000 --streams 300 --rounds 1 --ms 100 --json'.split(' ')
  const { stdout } = await promisify(execFile)(process.execPath, ['bench/streams/main.mjs', ...short], { cwd: root })
  const { down, up, items, beside, many } = JSON.parse(stdout) as Streams
  for (const { mbPerSecond, peakMiB } of [down, up]) {
    expect(mbPerSecond).toBeGreaterThan(0)
    expect(Object.keys(peakMiB)).toEqual(['router', 'worker', 'caller'])
    // Node and Waybill are 100 of it: who kept what has passed would be above.
    for (const [name, mib] of Object.entries(peakMiB)) expect(mib, name).toBeLessThan(130)
  }
  expect(items.perSecond).toBeGreaterThan(0)
  for (const { median } of Object.values(beside)) expect(median).toBeGreaterThan(0)
  const nothing = { outgoing: 0, incoming: 0 }
  expect(many).toMatchObject({ left: nothing, worker: nothing, router: { pendingCalls: 0, heldCalls: 0, droppedCalls: 0 } })
})

test('many clients on every door are soaked for a while, and leave nothing behind', { timeout: 120_000 }, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['bench/soak/main.mjs', '--clients', '40', '--seconds', '2', '--json'], {
    cwd: root,
  })
  const { clients, calls, failures, left } = JSON.parse(stdout) as { clients: number; calls: number; failures: string[]; left: object }
  expect({ clients, failures }).toEqual({ clients: 40, failures: [] })
  expect(calls).toBeGreaterThan(20)
  expect(Object.values(left).every((count) => count === 0)).toBe(true)
})

test('stored calls are counted when they are safe', { timeout: 120_000 }, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['bench/durable/main.mjs', '--short'], { cwd: root })
  expect(stdout).toMatch(/^ {2}waybill, synced +[\d,]+ a second/m)
})

test('synchronous calls are measured at a router with a journal and at one without', { timeout: 120_000 }, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['bench/durable/main.mjs', '--calls', '--short'], { cwd: root })
  expect(stdout).toMatch(/^ {2}with a journal +[\d,]+ a second/m)
  expect(stdout).toMatch(/^ {2}without one +[\d,]+ a second.*; with a journal: \d/m)
})

test('a start over receipts and over calls that wait is measured', { timeout: 120_000 }, async () => {
  const args = ['bench/starts/main.mjs', '--kept', '2000', '--queued', '500']
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root })
  expect(stdout.match(/^2,000 receipts kept, after .*: listens after [\d,]+ ms/gm)).toHaveLength(2)
  expect(stdout).toMatch(/^500 calls queued: listens after .* first delivery .* all after/m)
})

test('a large parcel and its answer go through a router in bounded memory', { timeout: 120_000 }, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['bench/parcel.mjs', '--mib', '96'], { cwd: root })
  const peaks = Array.from(
    stdout.matchAll(/^ {2}(\w+) +[\d.]+ s, router at most (\d+) MiB$/gm),
    ([, what, mib]) => [what, Number(mib)] as const,
  )
  expect(peaks.map(([what]) => what)).toEqual(['sent', 'received', 'replied'])
  const [, before] = /had (\d+) MiB before/.exec(stdout)!
  for (const [what, mib] of peaks) expect(mib - Number(before), what).toBeLessThan(72)
})
