/** What the fault harness does as a program: storms in rounds, then its other parts. Exit 0: nothing; 1: a violation; 2: bad options; 130: Ctrl-C. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { systemPorts } from '@waybill/core/system'
import { verdictOf } from './check/verdict.js'
import { allLines } from './log-file.js'
import { parseOptions, USAGE, type FaultOptions, type Part } from './options.js'
import { clock } from './parts/clock.js'
import { crowd } from './parts/crowd.js'
import { damage } from './parts/damage.js'
import { failingSync, fullDisk, slowSync } from './parts/disk.js'
import { http } from './parts/http.js'
import { stormPart } from './parts/storm.js'
import { syncOracle } from './parts/sync-oracle.js'
import { nowMs } from './now.js'
import type { PartOf } from './run.js'
import { tableOf, tellViolations } from './table.js'

const parts: Readonly<Record<Part, PartOf>> = {
  storm: stormPart,
  http,
  crowd,
  damage,
  'full-disk': fullDisk,
  'failing-sync': failingSync,
  'slow-sync': slowSync,
  clock,
  'sync-oracle': syncOracle,
}

export async function program(args: readonly string[]): Promise<number> {
  let options: FaultOptions
  try {
    options = parseOptions(args, systemPorts.clock.wallMs() % 2 ** 31)
  } catch (thrown) {
    console.error(`${(thrown as Error).message}\n\n${USAGE}`)
    return 2
  }
  const say = (text: string): void => console.log(text)
  if (options.check !== undefined) {
    const fromMs = nowMs()
    const verdict = await verdictOf(allLines(options.check))
    say(tableOf(verdict, nowMs() - fromMs))
    if (verdict.violations.length > 0) say(`\n${tellViolations(verdict.violations)}`)
    return verdict.violations.length === 0 ? 0 : 1
  }
  const folder = await mkdtemp(join(tmpdir(), 'waybill-faults-'))
  const ending = new AbortController()
  const interrupt = (): void => (ending.signal.aborted ? process.exit(130) : ending.abort())
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt)
  say(`faults from seed ${options.seed}, logs in ${folder}`)
  let found = 0
  for (const part of options.parts) {
    if (ending.signal.aborted) break
    found += await parts[part]({ options, folder, signal: ending.signal, say }).catch((thrown: unknown) => {
      // What cannot be done to its end has found something.
      say(`${part}: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`)
      return 1
    })
  }
  if (ending.signal.aborted) {
    await rm(folder, { recursive: true, force: true })
    return 130
  }
  if (found === 0 && !options.keep) await rm(folder, { recursive: true, force: true })
  else say(`\nthe logs are in ${folder}`)
  say(
    found === 0
      ? 'nothing found'
      : `${found} violations; again: npm run faults -- ${args.join(' ')}${args.includes('--seed') ? '' : ` --seed ${options.seed}`}`,
  )
  return found === 0 ? 0 : 1
}
