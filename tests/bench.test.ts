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
    readonly cell: { readonly name: string; readonly subscribers: number; readonly oneWay: boolean }
    readonly rounds: Readonly<Record<string, readonly { readonly calls: number; readonly cpuUs: number; readonly p99: number }[]>>
  }[]
}

test('each kind of cell is measured, for each who takes part in it', { timeout: 120_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'waybill-bench-'))
  const file = join(folder, 'figures.json')
  try {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['bench/main.mjs', '--short', '--cells', '64,o64,e100', '--json', file],
      { cwd: root },
    )
    expect(stdout).toContain('waybill : raw-relay')
    const { failures, results } = JSON.parse(await readFile(file, 'utf8')) as Results
    expect(failures).toEqual([])
    expect(results.map(({ cell }) => cell.name)).toEqual(['64', 'o64', 'e100'])
    for (const { cell, rounds } of results) {
      const isCall = cell.subscribers === 0 && !cell.oneWay
      for (const contender of ['raw-relay', 'waybill', ...(isCall ? ['bare-frames'] : [])]) {
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
