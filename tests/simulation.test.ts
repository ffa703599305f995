/**
 * Two hundred simulations, each checked against the invariants of the delivery contract, and each state of interest seen at least once. More of
 * them: `npm run simulate -- --seeds 1000`.
 */
import { check, History, listsOf, omittable, scenarioOf, shrink, simulate } from '@waybill/testkit/simulate'
import { parseOptions } from '@waybill/testkit/simulate/options'
import { afterAll, describe, expect, test } from 'vitest'
import { endChildren, startNode } from './fixtures/children.js'

const SEEDS = 200
/** As people run it: what is built takes half as long as what a test runner loads. */
const MAIN = 'packages/testkit/dist/simulate/main.js'

afterAll(() => endChildren())

describe('simulation', () => {
  test(`${SEEDS} seeds keep every invariant, and see every interesting state`, { timeout: 400_000 }, async () => {
    const child = startNode(MAIN, ['--seeds', String(SEEDS), '--seen'])
    const { code } = await child.ended
    expect(child.stdout + child.stderr).toMatch(new RegExp(`^${SEEDS} seeds from 1 in .*: 0 failed$`, 'm'))
    expect(child.stdout).not.toMatch(/ never$/m)
    const [, seen, interesting] = /^(\d+) of (\d+) states of interest were seen$/m.exec(child.stdout)!
    expect(Number(interesting)).toBeGreaterThan(80)
    expect(seen).toBe(interesting)
    expect(code).toBe(0)
  })

  test('a state that was never seen is named', async () => {
    const child = startNode(MAIN, ['--seed', '3', '--world', 'streams', '--seen'])
    expect(await child.ended).toMatchObject({ code: 0 })
    expect(child.stdout).toMatch(/^ {2}stream to the caller that ends +\d+$/m)
    expect(child.stdout).toMatch(/^ {2}durable event +never$/m)
    expect(child.stdout).toMatch(/^\d\d? of \d+ states of interest were seen$/m)
  })

  test.each([['of a router that dies between a cancel and its record', 109_287, 'stored'] as const])(
    'a seed that broke once: %s',
    async (_what, seed, world) => expect((await simulate(seed, { world })).violations).toEqual([]),
  )

  test('the same seed gives the same history, byte for byte; another one does not', async () => {
    const traceOf = async (seed: number): Promise<string> => {
      const lines: string[] = []
      await simulate(seed, { trace: (line) => lines.push(line) })
      return lines.join('\n')
    }
    const first = await traceOf(2)
    expect(first.length).toBeGreaterThan(10_000)
    expect((await traceOf(2)) === first).toBe(true)
    expect((await traceOf(3)) === first).toBe(false)
  })
})

/** Each invariant must be able to fail: a true history is changed in one place, and the check must find it. */
describe('the checks find', () => {
  /** A calm simulation, with what it saw. */
  async function calm(): Promise<History> {
    for (let seed = 1; ; seed++) {
      const { scenario } = new History(scenarioOf(seed))
      if (scenario.weather === 'calm') return (await simulate(seed, { world: 'calls' })).history
    }
  }

  function found(history: History): string[] {
    history.violations.length = 0
    check(history)
    return [...new Set(history.violations.map(({ invariant }) => invariant))]
  }

  const succeeded = (history: History) =>
    history.calls.find(({ ends, plan }) => ends[0]?.kind === 'result' && plan.method === 'fast' && plan.semantics === 'live')!

  test('nothing in a true history', async () => expect(found(await calm())).toEqual([]))

  test('a second end (I1)', async () => {
    const history = await calm()
    const { ends } = succeeded(history)
    ends.push(ends[0]!)
    expect(found(history)).toEqual(['I1'])
  })

  test('a call without an end (I1)', async () => {
    const history = await calm()
    succeeded(history).ends.length = 0
    expect(found(history)).toEqual(['I1'])
  })

  test('a second execution (I3)', async () => {
    const history = await calm()
    const { plan } = succeeded(history)
    history.executions.push(history.executionsOf(plan.id)[0]!)
    expect(found(history)).toEqual(['I3'])
  })

  /** A stored call that one of its principal has asked for when all was over. */
  const fetched = (history: History) => history.fetches.find(({ made, ends }) => made.storedMs !== undefined && ends[0]?.kind === 'result')!

  test('a stored call that the router does not list, or lists without an end (I12, I1), or lists and nobody asked for', async () => {
    const history = await calm()
    const sn = history.snOf(fetched(history).made)!
    for (const [tenant, listed] of history.listed) {
      history.listed.set(
        tenant,
        listed.filter((one) => one.sn !== sn),
      )
    }
    expect(found(history)).toEqual(['I12'])
    const pending = await calm()
    for (const [tenant, listed] of pending.listed) {
      pending.listed.set(
        tenant,
        listed.map((one) => (one.sn === sn ? { ...one, state: 'handed' } : one)),
      )
    }
    expect(found(pending)).toEqual(['I1'])
    const unknown = await calm()
    for (const [tenant, listed] of unknown.listed) {
      const one = listed.find((its) => its.sn === sn)
      if (one !== undefined) unknown.listed.set(tenant, [...listed, { ...one, sn: sn.replace(/^./, 'f') }])
    }
    expect(found(unknown)).toEqual(['I12'])
  })

  test('a stored call that is said to have succeeded and never ran (I4)', async () => {
    const history = await calm()
    const { made } = fetched(history)
    history.executions.splice(history.executions.indexOf(history.executionsOf(made.plan.id)[0]!), 1)
    expect(found(history)).toContain('I4')
  })

  test('another outcome for who asks later (I8), and one for who may not ask (I7)', async () => {
    const history = await calm()
    const { made, ends } = fetched(history)
    const { atMs } = ends[0]!
    ends[0] = { kind: 'error', atMs, code: 'RemoteException', executed: 'yes', message: 'otherwise' }
    expect(found(history)).toContain('I8')
    const shown = await calm()
    shown.fetches.push({ made, by: 'stranger', process: made.process, askedMs: atMs, ends: [{ kind: 'result', atMs, value: 'shown' }] })
    expect(found(shown)).toEqual(['I7'])
  })

  test('calls of one order key that overlap (I9)', async () => {
    const history = await calm()
    const ordered = history.executions.filter(({ id }) => history.made(id)?.plan.orderKey === 'key-0')
    expect(ordered.length).toBeGreaterThan(1)
    ordered[0]!.endMs = Number.POSITIVE_INFINITY
    expect(found(history)).toEqual(['I9'])
  })

  test('a `no` that ran (I5), a `yes` that did not (I6)', async () => {
    const history = await calm()
    const call = succeeded(history)
    const { atMs } = call.ends[0]!
    call.ends[0] = { kind: 'error', atMs, code: 'Cancelled', executed: 'no', message: '' }
    expect(found(history)).toContain('I5')
    history.executions.splice(history.executions.indexOf(history.executionsOf(call.plan.id)[0]!), 1)
    call.ends[0] = { kind: 'error', atMs, code: 'RemoteException', executed: 'yes', message: '' }
    expect(found(history)).toContain('I6')
  })

  test("another call's result (I7)", async () => {
    const history = await calm()
    const call = succeeded(history)
    const { atMs } = call.ends[0]!
    call.ends[0] = { kind: 'result', atMs, value: { id: call.plan.id + 1, number: call.plan.size + 1 } }
    expect(found(history)).toEqual(['I7'])
  })

  test('a `maybe` of a call that was never written, or never handed over (I19)', async () => {
    const history = await calm()
    const call = succeeded(history)
    const { atMs } = call.ends[0]!
    call.ends[0] = { kind: 'error', atMs, code: 'Cancelled', executed: 'maybe', message: '' }
    const facts = history.factsAbout(call)
    facts.handed.length = 0
    expect(found(history)).toContain('I19')
    facts.written.length = 0
    expect(found(history)).toContain('I19')
  })

  test('an error without a cause', async () => {
    const history = await calm()
    const call = succeeded(history)
    const { atMs } = call.ends[0]!
    call.ends[0] = { kind: 'error', atMs, code: 'WorkerLost', executed: 'maybe', message: '' }
    expect(found(history)).toEqual(['explained'])
  })
})

describe('shrinking', () => {
  const items = Array.from({ length: 40 }, (_, index) => `calls ${index}`)

  test('leaves what is needed, and nothing else', async () => {
    const needed = ['calls 3', 'calls 17', 'calls 39']
    const omitted = await shrink(items, (without) => Promise.resolve(!needed.some((item) => without.has(item))), 1000)
    expect(items.filter((item) => !omitted.has(item))).toEqual(needed)
  })

  test('tries no more often than it may', async () => {
    let trials = 0
    await shrink(items, () => Promise.resolve(++trials < 0), 10)
    expect(trials).toBe(10)
  })

  test('leaves out of a plan what it says', async () => {
    const whole = (await simulate(1, { world: 'stored' })).history
    expect(whole.violations).toEqual([])
    const lists = omittable('stored', 1)
    const left = listsOf('stored', 1, new Set(lists.filter((item) => item !== 'calls 0')))
    expect(Object.values(left).flat()).toHaveLength(1)
  })
})

describe('its command line', () => {
  test('refuses what it does not understand, in a sentence', () => {
    expect(() => parseOptions(['--sneeds', '3'])).toThrow('there is no option "--sneeds"')
    expect(() => parseOptions(['--seeds'])).toThrow('--seeds needs a value')
    expect(() => parseOptions(['--seeds', 'many'])).toThrow('not a number')
    expect(() => parseOptions(['--from', '1.5'])).toThrow('not a whole number')
    expect(() => parseOptions(['--trace', 'file'])).toThrow('--trace needs --seed')
    expect(() => parseOptions(['--world', 'other'])).toThrow('none of calls, gathering, streams, stored')
    expect(() => parseOptions(['--seed', '1', '--seeds', '2'])).toThrow('--seed stands alone')
    expect(() => parseOptions(['--shrink'])).toThrow('--shrink needs --seed')
    expect(parseOptions(['--shrink', '--seed', '3'])).toMatchObject({ from: 3, seeds: 1, shrinks: true })
    expect(parseOptions(['--seen'])).toMatchObject({ seeds: 50, showsSeen: true })
    expect(parseOptions(['--minutes', '1']).seeds).toBe(Number.POSITIVE_INFINITY)
  })

  test('exits with 2 on bad options', async () => {
    const { code } = await startNode(MAIN, ['--what']).ended
    expect(code).toBe(2)
  })
})
