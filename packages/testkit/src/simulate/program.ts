/**
 * What the simulator does as a program: runs seeds, shows what they found and how to see it again. Exit 0: nothing; 1: a violation; 2: bad options.
 */
import { writeFileSync } from 'node:fs'
import { INTERESTING } from './coverage.js'
import { parseOptions, USAGE, WORLDS, type SimulateOptions } from './options.js'
import { listsOf, omittable } from './planned.js'
import { simulate, type Simulated } from './run.js'
import { shrink, type Omitted } from './shrink.js'

/** Of one seed: the rest follows from the first ones more often than not. */
const SHOWN_VIOLATIONS = 5

/** Resolves with the exit code. `say` gets what stands on the standard output. */
export async function program(args: readonly string[], say: (text: string) => void = console.log): Promise<number> {
  let options: SimulateOptions
  try {
    options = parseOptions(args)
  } catch (thrown) {
    console.error(`${(thrown as Error).message}\n\n${USAGE}`)
    return 2
  }
  return options.shrinks ? await smaller(options, say) : await run(options, say)
}

async function run(
  { from, seeds, minutes, trace, world, without: ignored, showsSeen }: SimulateOptions,
  say: (text: string) => void,
): Promise<number> {
  const startedMs = performance.now()
  const elapsedMs = (): number => performance.now() - startedMs
  const failed: number[] = []
  let done = 0
  let virtualMs = 0
  const seen = new Map<string, number>()
  while (done < seeds && elapsedMs() < minutes * 60_000) {
    const lines: string[] = []
    const whole = await simulate(from + done, { world, trace: trace === undefined ? undefined : (line) => lines.push(line) })
    const simulated = { ...whole, violations: whole.violations.filter(({ invariant }) => invariant !== ignored) }
    if (trace !== undefined) writeFileSync(trace, `${lines.join('\n')}\n`)
    for (const [what, count] of whole.counts) seen.set(what, (seen.get(what) ?? 0) + count)
    done++
    virtualMs += simulated.tookMs
    if (simulated.violations.length > 0) {
      failed.push(simulated.seed)
      report(simulated, say)
    }
    if (process.stdout.isTTY) process.stdout.write(`\r${done} seeds, ${failed.length} failed, ${rate(done, elapsedMs())} a second \u001B[K`)
  }
  if (process.stdout.isTTY) process.stdout.write('\r\u001B[K')
  const hours = (virtualMs / 3_600_000).toFixed(1)
  say(
    `${done} seeds from ${from} in ${(elapsedMs() / 1000).toFixed(1)} s (${rate(done, elapsedMs())} a second, ${hours} virtual hours): ${failed.length} failed`,
  )
  if (showsSeen) say(seenText(seen))
  return failed.length === 0 ? 0 : 1
}

/** A state that never occurs is a state that nothing has checked (I18). */
function seenText(seen: ReadonlyMap<string, number>): string {
  const width = Math.max(...INTERESTING.map(({ length }) => length))
  const never = INTERESTING.filter((state) => !seen.has(state))
  return [
    ...INTERESTING.map((state) => `  ${state.padEnd(width)}  ${seen.get(state) ?? 'never'}`),
    `${INTERESTING.length - never.length} of ${INTERESTING.length} states of interest were seen`,
  ].join('\n')
}

/** So many simulations at most, of a fraction of a second each. */
const MOST_TRIALS = 2000
/** Of a trace that nobody wants in a file. */
const SHOWN_LINES = 200

async function smaller({ from: seed, trace, world: only }: SimulateOptions, say: (text: string) => void): Promise<number> {
  for (const world of only === undefined ? WORLDS : [only]) {
    const [first] = (await simulate(seed, { world })).violations
    if (first === undefined) continue
    const isBroken = async (omitted: Omitted): Promise<boolean> =>
      (await simulate(seed, { world, omitted })).violations.some(({ invariant }) => invariant === first.invariant)
    const items = omittable(world, seed)
    const omitted = await shrink(items, isBroken, MOST_TRIALS)
    const lines: string[] = []
    report(await simulate(seed, { world, omitted, trace: (line) => lines.push(line) }), say)
    say(`\n${items.length - omitted.size} of ${items.length} things that are planned in the world ${world} are enough:`)
    for (const [name, list] of Object.entries(listsOf(world, seed, omitted)))
      for (const item of list) say(`  ${name}  ${JSON.stringify(item)}`)
    if (trace !== undefined) writeFileSync(trace, `${lines.join('\n')}\n`)
    else say(`\n${lines.slice(0, SHOWN_LINES).join('\n')}`)
    if (trace === undefined && lines.length > SHOWN_LINES) say(`… and ${lines.length - SHOWN_LINES} more lines: --trace FILE has them`)
    return 1
  }
  say(`seed ${seed} breaks nothing`)
  return 0
}

function report({ seed, violations, history }: Simulated, say: (text: string) => void): void {
  say(`\nseed ${seed} (${history.scenario.weather}) breaks ${[...new Set(violations.map(({ invariant }) => invariant))].join(', ')}:`)
  for (const { invariant, what } of violations.slice(0, SHOWN_VIOLATIONS)) say(`  ${invariant}  ${what}`)
  if (violations.length > SHOWN_VIOLATIONS) say(`  … and ${violations.length - SHOWN_VIOLATIONS} more`)
  say(`  again: npm run simulate -- --seed ${seed} --trace .tmp/seed-${seed}.txt`)
}

function rate(done: number, tookMs: number): string {
  return (done / Math.max(0.001, tookMs / 1000)).toFixed(1)
}
