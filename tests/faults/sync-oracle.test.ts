/** The sync oracle on real routers: nothing leaves a whole one too early, and each that is planted with a sync less is found. */
import { execFileSync } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { afterAll, describe, expect, test } from 'vitest'
import { endChildren, startNode } from '../fixtures/children.js'
import { plantNames, PlantedRouter } from './planted-router.js'

const MAIN = 'packages/testkit/dist/faults/main.js'

const names = await plantNames()

afterAll(() => endChildren())

async function oracle(...args: readonly string[]): Promise<{ code: number | null; output: string }> {
  const child = startNode(MAIN, ['--sync-oracle', '--seed', '1', ...args])
  const { code } = await child.ended
  // Where it found something it has left the logs.
  const [, folder] = /logs in (\S+)$/m.exec(child.stdout)!
  await rm(folder!, { recursive: true, force: true })
  return { code, output: child.stdout + child.stderr }
}

describe.skipIf(!canTrace())('under strace', () => {
  test('a router says nothing that does not rest on the disk', { timeout: 120_000 }, async () => {
    const { code, output } = await oracle()
    expect(output).toMatch(
      /^sync-oracle: [1-9]\d+ times stored, [1-9]\d+ departed under a lease, [1-9]\d+ results left; [1-9]\d* syncs; 0 left too early/m,
    )
    expect(code).toBe(0)
  })

  test.each(names)('one with the plant %s does, and is found', { timeout: 120_000 }, async (name) => {
    await using planted = await PlantedRouter.plant(name)
    const { code, output } = await oracle('--command', planted.command)
    expect(output).toMatch(/^stored before it was safe: \d+$/m)
    expect(code).toBe(1)
  })
})

function canTrace(): boolean {
  try {
    execFileSync('strace', ['-o', '/dev/null', '-e', 'trace=none', 'true'], { stdio: 'pipe' })
    return true
  } catch {
    return false
  }
}
