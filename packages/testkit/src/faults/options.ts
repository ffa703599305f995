/** The command line of the fault harness: parsed once, refused in a sentence. */
import { parseArgs } from 'node:util'

/** What it does beside the storm, each for itself. */
export const PARTS = ['storm', 'http', 'crowd', 'damage', 'full-disk', 'failing-sync', 'slow-sync', 'clock', 'sync-oracle'] as const
export type Part = (typeof PARTS)[number]

export interface FaultOptions {
  readonly stormMs: number
  /** A storm is checked after so long, and the next one begins over the same store. */
  readonly roundMs: number
  readonly seed: number
  /** Calls a second, of all callers together. */
  readonly rate: number
  /** The router forgets all when it ends: what it had stored is forgiven it. */
  readonly memory: boolean
  readonly parts: readonly Part[]
  readonly keep: boolean
  /** The script that is started as the router. */
  readonly command: string | undefined
  /** Only looks at the logs in this folder. */
  readonly check: string | undefined
}

export const USAGE = `usage: npm run faults -- --minutes N [--seed S] [--rate R] [--memory] [--keep]
       npm run faults -- --only PART[,PART…]
       npm run faults -- --sync-oracle
       npm run faults -- --check FOLDER

  --minutes N        a storm of faults for so long (default 1), then each of the other parts
  --round-minutes M  looks at all logs after so long (default 5), and goes on over the same store
  --seed S           what happens when (default: drawn, and named)
  --rate R           calls a second that are attempted (default 450)
  --memory           a router without a store: what it had stored is forgiven it when it is killed
  --only PARTS       of ${PARTS.join(', ')}
  --sync-oracle      the same as --only sync-oracle
  --keep             leaves the logs where they are also when nothing was found
  --command FILE     starts this script of \`waybill\` as the router, not the one of this repository
  --check FOLDER     only checks the logs that a run has left`

const MINUTE_MS = 60_000

/** Throws a plain error with a sentence for people. */
export function parseOptions(args: readonly string[], drawnSeed: number): FaultOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string' },
      'round-minutes': { type: 'string' },
      seed: { type: 'string' },
      rate: { type: 'string' },
      memory: { type: 'boolean' },
      keep: { type: 'boolean' },
      only: { type: 'string' },
      'sync-oracle': { type: 'boolean' },
      check: { type: 'string' },
      command: { type: 'string' },
    },
  })
  const number = (name: 'minutes' | 'round-minutes' | 'seed' | 'rate', otherwise: number, least: number): number => {
    const text = values[name]
    const value = text === undefined || text.trim() === '' ? otherwise : Number(text)
    if (!Number.isFinite(value) || value < least) throw new Error(`--${name} is ${text}, which is not a number from ${least} on`)
    return value
  }
  const only = values['sync-oracle'] === true ? 'sync-oracle' : values.only
  const parts = only?.split(',') ?? PARTS
  const wrong = parts.find((part) => !(PARTS as readonly string[]).includes(part))
  if (wrong !== undefined) throw new Error(`there is no part ${JSON.stringify(wrong)}; there are ${PARTS.join(', ')}`)
  return {
    stormMs: number('minutes', 1, 0.05) * MINUTE_MS,
    roundMs: number('round-minutes', 5, 0.05) * MINUTE_MS,
    seed: Math.floor(number('seed', drawnSeed, 0)),
    rate: number('rate', 450, 1),
    memory: values.memory === true,
    parts: parts as readonly Part[],
    keep: values.keep === true,
    check: values.check,
    command: values.command,
  }
}
