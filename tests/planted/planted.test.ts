/** The planted bugs: each patch still applies to the sources, and the simulator finds each at its named seed. See `README.md`. */
import { Garden, patchNames, readTable, run, Simulator } from '@waybill/testkit/planted'
import { afterAll, describe, expect, test } from 'vitest'

const repository = new URL('../..', import.meta.url).pathname
const table = await readTable(repository)
const garden = new Garden(repository)
const plants = await garden.plant(table.map(({ name }) => name))
const simulator = new Simulator(garden.whole)

afterAll(async () => {
  await simulator.end()
  await garden.clear()
})

test('the table names each patch', async () => {
  expect(table.map(({ name }) => name).toSorted()).toEqual(await patchNames(repository))
  expect(table.length).toBeGreaterThanOrEqual(10)
})

test.each(table)('$name still applies', ({ name }) => expect(plants.get(name)).toHaveProperty('script'))

describe('the simulator finds', () => {
  test.each(table)('$name, which breaks $invariant, at seed $seed', { timeout: 90_000 }, async ({ name, invariant, world, seed }) => {
    const plant = plants.get(name)!
    if ('refusal' in plant) throw new Error(plant.refusal)
    const { code, output } = await simulator.run(plant.script, ['--seed', String(seed), '--world', world])
    // The first one that it names.
    expect(output).toMatch(new RegExp(`^seed ${seed} \\(\\w+\\) breaks ${invariant}[,:]`, 'm'))
    expect(code).toBe(1)
  })

  test('how little of a seed is enough', { timeout: 90_000 }, async () => {
    const { name, seed, world } = table.find((one) => one.name === 'attempt-not-counted')!
    const plant = plants.get(name)!
    if ('refusal' in plant) throw new Error(plant.refusal)
    const { code, output } = await simulator.run(plant.script, ['--seed', String(seed), '--world', world, '--shrink'])
    const [, left, all] = /^(\d+) of (\d+) things that are planned in the world stored are enough:$/m.exec(output)!
    expect(Number(left)).toBeLessThan(6)
    expect(Number(all)).toBeGreaterThan(20)
    expect(output).toMatch(/^ {2}calls {2}\{.*\n(.*\n)* {2}faults {2}\{/m)
    expect(output).toMatch(/link 1 opened$/m)
    expect(code).toBe(1)
  })

  // In the process that all of them ran in: they have left nothing behind.
  test('nothing where nothing is planted', { timeout: 60_000 }, async () => {
    const { code, output } = await simulator.run(garden.nothing, ['--seeds', '5'])
    expect(output).toContain('0 failed')
    expect(code).toBe(0)
  })

  test('and says so as a program', { timeout: 60_000 }, async () => {
    const main = new URL('../../packages/testkit/dist/simulate/main.js', import.meta.url).pathname
    const { code, output } = await run(process.execPath, [main, '--seed', '1', '--world', 'gathering'], { cwd: repository })
    expect(output).toContain('1 seeds from 1 in ')
    expect(output).toContain('0 failed')
    expect(code).toBe(0)
  })
})
