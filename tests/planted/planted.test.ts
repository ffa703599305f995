/** The planted bugs: each patch still applies to the sources, and the simulator finds each at its named seed. See `README.md`. */
import { clear, patchNames, patchOf, plant, readTable, run, simulatePlanted } from '@waybill/testkit/planted'
import { afterAll, describe, expect, test } from 'vitest'

const repository = new URL('../..', import.meta.url).pathname
const table = await readTable(repository)

afterAll(clear)

test('the table names each patch', async () => {
  expect(table.map(({ name }) => name).toSorted()).toEqual(await patchNames(repository))
  expect(table.length).toBeGreaterThanOrEqual(10)
})

test.each(table)('$name still applies', async ({ name }) => {
  expect(await run('git', ['apply', '--check', patchOf(repository, name)], { cwd: repository })).toEqual({ code: 0, output: '' })
})

describe('the simulator finds', () => {
  test.each(table)('$name, which breaks $invariant, at seed $seed', { timeout: 60_000 }, async ({ name, invariant, seed }) => {
    const { code, output } = await simulatePlanted(await plant(repository, name), ['--seed', String(seed)])
    expect(output).toMatch(new RegExp(`^seed ${seed} .* breaks .*${invariant}`, 'm'))
    expect(code).toBe(1)
  })

  test('nothing where nothing is planted', { timeout: 60_000 }, async () => {
    const main = new URL('../../packages/testkit/dist/simulate/main.js', import.meta.url).pathname
    const { code, output } = await run(process.execPath, [main, '--seeds', '5'], { cwd: repository })
    expect(output).toContain('0 failed')
    expect(code).toBe(0)
  })
})
