/** Storms over one store, one after another: after each, its logs are looked at and make room for the next one's. */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { RouterProcess } from '../cast/router.js'
import type { Verdict } from '../check/verdict.js'
import type { HarnessLine } from '../lines.js'
import { LogFile } from '../log-file.js'
import { nowMs } from '../now.js'
import { KINDS } from '../plan.js'
import type { Run } from '../run.js'
import { storm, type Progress } from '../storm.js'
import { tableOf, tellViolations, together } from '../table.js'

const TELL_MS = 5000

export async function stormPart({ options, folder, signal, say }: Run): Promise<number> {
  const fromMs = nowMs()
  const log = new LogFile<HarnessLine>(folder, 'harness')
  const data = join(folder, 'data')
  const router = await RouterProcess.on({ data: undefined, command: options.command }, log)
  const isStored = router.knowsData && !options.memory
  if (isStored) router.setting = { data, command: options.command }
  say(isStored ? 'storm: the router keeps its data' : 'storm: the router keeps everything in memory, so what is stored goes with it')
  const verdicts: Verdict[] = []
  for (let round = 0, leftMs = options.stormMs; leftMs > 0 && !signal.aborted; round++, leftMs -= options.roundMs) {
    const logs = join(folder, `storm-${round + 1}`)
    await mkdir(logs, { recursive: true })
    log.into(logs)
    const verdict = await storm({
      folder: logs,
      log,
      router,
      seed: options.seed + round,
      forMs: Math.min(leftMs, options.roundMs),
      rate: options.rate,
      kinds: KINDS,
      signal,
      progress: progressOf(say, round + 1),
    })
    verdicts.push(verdict)
    if (verdict.violations.length > 0) say(`round ${round + 1}:\n${tellViolations(verdict.violations)}`)
    else if (!options.keep) await rm(logs, { recursive: true, force: true })
  }
  const { code, signal: by } = await router.ask()
  log.close()
  if (signal.aborted || verdicts.length === 0) return 0
  const all = together(verdicts)
  say(`\n${tableOf(all, nowMs() - fromMs)}\n`)
  if (code === 0) return all.violations.length
  say(`the router was asked to end, and did with ${by ?? code}`)
  return all.violations.length + 1
}

function progressOf(say: (text: string) => void, round: number): (state: Progress) => void {
  const fromMs = nowMs()
  let toldMs = fromMs
  return ({ phase, attempted, acknowledged, ended, open }) => {
    const atMs = nowMs()
    if (atMs - toldMs < TELL_MS) return
    toldMs = atMs
    const seconds = Math.round((atMs - fromMs) / 1000)
    say(`round ${round}, ${phase}, ${seconds} s: ${attempted} attempted, ${acknowledged} acknowledged, ${ended} ended, ${open} open`)
  }
}
