/** A minute of faults with real processes, as `npm run faults` does it for as long as it is told to. */
import { readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterAll, describe, expect, test } from 'vitest'
import { endChildren, isAlive, startNode } from '../fixtures/children.js'

const MAIN = 'packages/testkit/dist/faults/main.js'
const SEED = process.env['WAYBILL_SEED'] ?? '1'

afterAll(() => endChildren())

describe('a minute of faults', () => {
  test('breaks no promise, and leaves nothing behind', { timeout: 240_000 }, async () => {
    const child = startNode(MAIN, ['--minutes', '0.6', '--seed', SEED, '--only', 'storm', '--rate', '60'])
    const { code } = await child.ended
    expect(`${child.stdout}\n${child.stderr}`).toMatch(/^nothing found$/m)
    expect(child.stdout).toMatch(/^lost +0$/m)
    expect(child.stdout).toMatch(/^duplicated: .* 0$/m)
    expect(child.stdout).toMatch(/^faults .*kill router \d.*kill worker \d/m)
    expect(code).toBe(0)
    expect(() => readdirSync(folderOf(child.stdout))).toThrow('ENOENT')
  })

  test('Ctrl-C ends it and all its processes at once', { timeout: 60_000 }, async () => {
    const child = startNode(MAIN, ['--minutes', '10', '--seed', SEED, '--rate', '20'])
    await child.prints(/^round 1, storm/m)
    const others = childrenOf(child.pid)
    expect(others.length).toBeGreaterThan(5)
    child.kill('SIGINT')
    expect(await child.ended).toEqual({ code: 130, signal: null })
    await expect.poll(() => others.filter(isAlive)).toEqual([])
    expect(() => readdirSync(folderOf(child.stdout))).toThrow('ENOENT')
  })

  test('what makes no sense is refused', async () => {
    const child = startNode(MAIN, ['--minutes', 'x'])
    expect((await child.ended).code).toBe(2)
    expect(child.stderr).toMatch(/^--minutes is x, which is not a number/)
  })
})

/** The one that it names. */
function folderOf(output: string): string {
  const [, folder] = /logs in (\S+)$/m.exec(output)!
  expect(folder).toContain(tmpdir())
  return folder!
}

function childrenOf(pid: number): readonly number[] {
  return readdirSync('/proc').flatMap((entry) => (/^\d+$/.test(entry) && parentOf(entry) === pid ? [Number(entry)] : []))
}

function parentOf(entry: string): number | undefined {
  try {
    return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${entry}/status`, 'utf8'))?.[1])
  } catch {
    return undefined
  }
}
