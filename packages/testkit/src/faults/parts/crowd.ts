/** A thousand clients that lose their router at once: how long until all are back. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { forkOwn } from '../cast/children.js'
import type { Given } from '../cast/joining.js'
import { RouterProcess } from '../cast/router.js'
import type { HarnessLine } from '../lines.js'
import { LogFile } from '../log-file.js'
import { nowMs, pause, within } from '../now.js'
import type { Run } from '../run.js'

const CLIENTS = 1000
const KILLS = 3
const MOST_MS = 60_000
const DOWN_MS = 300
/** Longer than a client takes to believe that a connection lasts: before, it comes back ever more slowly. */
const CALM_MS = 11_000

export async function crowd({ options, folder, say, signal }: Run): Promise<number> {
  const logs = join(folder, 'crowd')
  await mkdir(logs, { recursive: true })
  const log = new LogFile<HarnessLine>(logs, 'harness')
  const router = await RouterProcess.on({ data: undefined, command: options.command }, log)
  if (router.knowsData && !options.memory) router.setting = { data: join(folder, 'crowd-data'), command: options.command }
  const refusal = await router.start()
  if (refusal !== undefined) throw new Error(`the router does not start: ${refusal.said}`)
  const given: Given = { url: router.web, folder: logs, who: 'crowd', seed: options.seed, clients: CLIENTS }
  const child = forkOwn(new URL('../cast/crowd.js', import.meta.url), given)
  let came = 0
  child.process.on('message', (message) => (came = message as number))
  const haveCome = (wanted: number): Promise<boolean> => within(MOST_MS, () => came >= wanted || !child.isRunning || signal.aborted, 5)
  let found = 0
  const tooks: string[] = []
  await haveCome(CLIENTS)
  for (let kill = 1; kill <= KILLS && !signal.aborted; kill++) {
    await pause(CALM_MS, signal)
    await router.kill()
    await pause(DOWN_MS)
    const fromMs = nowMs()
    await router.start()
    const readyMs = nowMs() - fromMs
    await haveCome(CLIENTS * (kill + 1))
    if (came !== CLIENTS * (kill + 1)) {
      found++
      say(`crowd: of ${CLIENTS} clients ${came - CLIENTS * kill} are back ${MOST_MS} ms after the router: ${child.stderr}`)
    } else tooks.push(`${Math.round(nowMs() - fromMs)} ms (${Math.round(readyMs)} ms of them until it listened)`)
  }
  child.kill('SIGKILL')
  await child.ended
  await router.ask()
  log.close()
  if (tooks.length > 0) say(`\ncrowd: ${CLIENTS} clients back after the start of a killed router: ${tooks.join(', ')}`)
  return found
}
