/** The simulator's command line: parsed once, refused in a sentence. */

export interface SimulateOptions {
  readonly from: number
  /** How many seeds at most. */
  readonly seeds: number
  /** Stops after so long, whatever is left. */
  readonly minutes: number
  /** Where the trace of the seed is written. */
  readonly trace: string | undefined
  /** Looks for a smaller plan that breaks the same. */
  readonly shrinks: boolean
  /** This invariant is not looked at. */
  readonly without: string | undefined
  /** Shows how often each state of interest was seen. */
  readonly showsSeen: boolean
  /** Only this one of the worlds of each seed. */
  readonly world: WorldName | undefined
}

/** What one seed makes: a world of calls, one of events, groups and drains, one of streams, and one of stored calls and durable events over starts of the router. */
export const WORLDS = ['calls', 'gathering', 'streams', 'stored'] as const
export type WorldName = (typeof WORLDS)[number]

export const USAGE = `usage: npm run simulate -- [--seeds N] [--from S] [--minutes M] [--seen]
       npm run simulate -- --seed S [--shrink] [--trace FILE]
       each with [--world calls|gathering|streams|stored] [--without I]

  --seeds N     so many seeds, one after another (default 50, or without end with --minutes)
  --from S      the first of them (default 1)
  --minutes M   stops after so long
  --seen        shows how often each state of interest was seen, and which never
  --seed S      this seed alone
  --shrink      leaves out calls and faults as long as the same is broken without them, and shows what is left
  --trace FILE  writes what happens in it, line by line; the same seed gives the same bytes
  --world W     of each seed only its calls, its gathering (events, groups and drains), its streams, or
                its stored calls and durable events over starts of the router
  --without I   as if that invariant could be broken`

const DEFAULT_SEEDS = 50
const FLAGS = ['--shrink', '--seen'] as const
const OPTIONS = ['--seeds', '--from', '--seed', '--trace', '--minutes', '--world', '--without'] as const

/** Throws a plain error with a sentence for people. */
export function parseOptions(args: readonly string[]): SimulateOptions {
  const given = new Map<string, string>()
  for (let at = 0; at < args.length; at += 2) {
    const name = args[at]!
    if ((FLAGS as readonly string[]).includes(name)) {
      given.set(name, '')
      at--
      continue
    }
    const value = args[at + 1]
    if (!(OPTIONS as readonly string[]).includes(name))
      throw new Error(`there is no option ${JSON.stringify(name)}; there are ${[...OPTIONS, ...FLAGS].join(', ')}`)
    if (value === undefined) throw new Error(`${name} needs a value`)
    if (given.has(name)) throw new Error(`${name} is given twice`)
    given.set(name, value)
  }
  const number = (name: string, otherwise: number, least: number): number => {
    const text = given.get(name)
    const value = text === undefined ? otherwise : Number(text)
    if (text !== undefined && (text.trim() === '' || !Number.isFinite(value) || value < least)) {
      throw new Error(`${name} is ${JSON.stringify(text)}, which is not a number from ${least} on`)
    }
    return value
  }
  const whole = (name: string, otherwise: number, least: number): number => {
    const value = number(name, otherwise, least)
    if (Number.isFinite(value) && !Number.isSafeInteger(value))
      throw new Error(`${name} is ${given.get(name)}, which is not a whole number`)
    return value
  }
  const isOne = given.has('--seed')
  for (const name of ['--seeds', '--from', '--minutes'])
    if (isOne && given.has(name)) throw new Error(`--seed stands alone; ${name} is about many`)
  if (given.has('--trace') && !isOne) throw new Error('--trace needs --seed: one trace is of one seed')
  if (given.has('--shrink') && !isOne) throw new Error('--shrink needs --seed: one plan is of one seed')
  const world = WORLDS.find((name) => name === given.get('--world'))
  if (given.has('--world') && world === undefined)
    throw new Error(`--world is ${JSON.stringify(given.get('--world'))}, which is none of ${WORLDS.join(', ')}`)
  return {
    from: isOne ? whole('--seed', 1, 0) : whole('--from', 1, 0),
    seeds: isOne ? 1 : whole('--seeds', given.has('--minutes') ? Number.POSITIVE_INFINITY : DEFAULT_SEEDS, 1),
    minutes: number('--minutes', Number.POSITIVE_INFINITY, 0.001),
    trace: given.get('--trace'),
    shrinks: given.has('--shrink'),
    showsSeen: given.has('--seen'),
    without: given.get('--without'),
    world,
  }
}
