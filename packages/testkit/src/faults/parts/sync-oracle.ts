/** The sync oracle: a router that is traced, calls that are stored, and whether each word of it rested on the disk when it left. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { connect } from '@waybill/client'
import { nowMs, within } from '../now.js'
import { Oracle } from '../oracle/check.js'
import { RESULT_MARK } from '../oracle/promises.js'
import { eventsOf, straceCommand } from '../oracle/trace.js'
import type { Run } from '../run.js'
import { services, type Work } from '../services.js'
import { tellViolations } from '../table.js'
import { routerFor } from './short-storm.js'
import { whyNoStrace } from './tools.js'

/** How many at once, how often; how long each body is. */
const BURSTS = [
  { atOnce: 1, times: 20, bytes: 50 },
  { atOnce: 64, times: 8, bytes: 50 },
  { atOnce: 4, times: 3, bytes: 100 * 1024 },
]
const QUIET_MS = 300

export async function syncOracle(run: Run): Promise<number> {
  const { say, options } = run
  const why = whyNoStrace()
  if (why !== undefined) {
    say(`sync-oracle: skipped, as ${why}`)
    return 0
  }
  const rig = await routerFor({ ...run, part: 'sync-oracle' })
  if (rig === undefined) return 0
  const { router, log, logs, data } = rig
  const trace = join(logs, 'trace.txt')
  const fromMs = nowMs()
  router.setting = { data, wrap: straceCommand(trace), command: options.command }
  const refusal = await router.start()
  if (refusal !== undefined) throw new Error(`the router does not start: ${refusal.said}`)
  try {
    await call(router.tcp)
  } finally {
    await router.ask()
    log.close()
  }
  await ended(trace)
  const oracle = new Oracle(data)
  for await (const event of eventsOf(createInterface({ input: createReadStream(trace), crlfDelay: Infinity }))) oracle.add(event)
  const { violations, promises, syncs } = oracle.verdict()
  const counts = `${promises.stored} times stored, ${promises.leased} departed under a lease, ${promises.result} results`
  say(`\nsync-oracle: ${counts} left; ${syncs} syncs; ${violations.length} left too early; ${Math.round(nowMs() - fromMs)} ms`)
  if (violations.length > 0) say(tellViolations(violations))
  if (promises.stored > 0 && promises.result > 0) return violations.length
  say('sync-oracle: nothing to look at was sent, so it says nothing')
  return violations.length + 1
}

async function call(url: string): Promise<void> {
  const worker = await connect(url, { timeout: '60s' })
  const caller = await connect(url, { timeout: '60s' })
  let runs = 0
  await worker.expose(services.once, { run: async () => `${RESULT_MARK}${++runs}` })
  for (const { atOnce, times, bytes } of BURSTS) {
    for (let time = 0; time < times; time++) {
      const work: Work = { ms: 0, throws: false, body: 'x'.repeat(bytes) }
      await Promise.all(Array.from({ length: atOnce }, () => caller.remote(services.once).run.with({ durable: true })(work)))
    }
  }
  await caller.close()
  await worker.close()
}

/** The tracer writes for a moment longer than what it traces. */
async function ended(trace: string): Promise<void> {
  let [size, sinceMs] = [-1, nowMs()]
  await within(10_000, async () => {
    const now = (await stat(trace)).size
    if (now !== size) [size, sinceMs] = [now, nowMs()]
    return nowMs() - sinceMs > QUIET_MS
  })
}
