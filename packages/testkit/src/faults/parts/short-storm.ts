/** A short storm over a router that something else is wrong with besides: set up, looked at, cleaned away. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { RouterProcess, type RouterSetting } from '../cast/router.js'
import type { HarnessLine } from '../lines.js'
import { LogFile } from '../log-file.js'
import { nowMs } from '../now.js'
import type { PlannedKind } from '../plan.js'
import type { Part } from '../options.js'
import type { Run } from '../run.js'
import { storm } from '../storm.js'
import { tableOf, tellViolations } from '../table.js'

export interface ShortStorm {
  readonly part: Part
  readonly setting: (data: string) => RouterSetting
  readonly kinds: readonly PlannedKind[]
  readonly forMs: number
  /** Calls a second. */
  readonly rate: number
  /** What is wrong with the disk. */
  readonly disk?: string
  /** Before the calm: what was wrong ends. */
  readonly calm?: (router: RouterProcess, data: string) => Promise<void>
}

/** Undefined where the router keeps no data, which is said. */
export async function routerFor({
  part,
  folder,
  say,
  options,
}: Run & { readonly part: Part }): Promise<
  { readonly router: RouterProcess; readonly log: LogFile<HarnessLine>; readonly logs: string; readonly data: string } | undefined
> {
  const [logs, data] = [join(folder, part), join(folder, `${part}-data`)]
  await mkdir(logs, { recursive: true })
  const log = new LogFile<HarnessLine>(logs, 'harness')
  const router = await RouterProcess.on({ data, command: options.command }, log)
  if (router.knowsData && !options.memory) return { router, log, logs, data }
  log.close()
  say(`${part}: skipped, as the router keeps no data`)
  return undefined
}

export async function shortStorm(run: Run, { part, setting, kinds, forMs, rate, calm, disk }: ShortStorm): Promise<number> {
  const { options, signal, say } = run
  const rig = await routerFor({ ...run, part })
  if (rig === undefined) return 0
  const { router, log, logs, data } = rig
  const fromMs = nowMs()
  router.setting = { ...setting(data), command: options.command }
  if (disk !== undefined) log.write({ e: 'disk', what: disk })
  const verdict = await storm({
    folder: logs,
    log,
    router,
    seed: options.seed,
    forMs,
    rate,
    kinds,
    signal,
    progress: () => {},
    ...(calm !== undefined && { calm: () => calm(router, data) }),
  })
  await router.ask()
  log.close()
  if (signal.aborted) return 0
  say(`\n${part}:\n${tableOf(verdict, nowMs() - fromMs)}`)
  if (verdict.violations.length > 0) say(tellViolations(verdict.violations))
  return verdict.violations.length
}
