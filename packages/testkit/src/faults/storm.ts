/** One storm: a cast over a router, faults for a while, then calm, until everything that is due has come; and what the logs say of it. */
import { mkdir } from 'node:fs/promises'
import { Actor } from './cast/actor.js'
import { Cable } from './cast/cable.js'
import type { RouterProcess } from './cast/router.js'
import { audit } from './audit.js'
import { historyOf } from './check/history.js'
import { verdictOf, type Verdict } from './check/verdict.js'
import type { HarnessLine } from './lines.js'
import { allLines, type LogFile } from './log-file.js'
import { nowMs, within } from './now.js'
import { planOf, type PlannedKind } from './plan.js'
import { Weather } from './weather.js'

export interface StormSetting {
  /** Where the logs are written; the harness's own is there already. */
  readonly folder: string
  readonly log: LogFile<HarnessLine>
  readonly router: RouterProcess
  readonly seed: number
  readonly forMs: number
  readonly rate: number
  readonly kinds: readonly PlannedKind[]
  readonly signal: AbortSignal
  /** Told twice a second how it goes. */
  readonly progress: (state: Progress) => void
  /** In the end of the storm, before the calm. */
  readonly calm?: () => Promise<void>
}

export interface Progress {
  readonly phase: 'storm' | 'calm'
  readonly attempted: number
  readonly acknowledged: number
  readonly ended: number
  readonly open: number
}

const WORKERS = 5
const NAMED_WORKERS = 2
const CALLERS = 3
const READY_MS = 30_000
const LOOK_MS = 500
/** What is due may wait as long as a lease, and then for what came before it. */
const DRAIN_MS = 75_000

export async function storm(setting: StormSetting): Promise<Verdict> {
  const { folder, log, router, signal, progress } = setting
  await mkdir(folder, { recursive: true })
  if (!router.isRunning) {
    const refusal = await router.start()
    if (refusal !== undefined) throw new Error(`the router does not start: ${refusal.said}`)
  }
  const cast = { router, log, actors: await actorsOf(setting) }
  const { actors } = cast
  const weather = new Weather(cast)
  const told = (phase: Progress['phase']): void => progress({ phase, ...sumOf(actors) })
  try {
    for (const actor of actors) actor.start()
    await within(READY_MS, () => actors.every(({ isReady }) => isReady))
    const playing = weather.play(planOf(setting.seed, setting.forMs, setting.kinds), signal)
    const untilMs = nowMs() + setting.forMs
    await within(
      setting.forMs,
      async () => {
        await weather.upkeep()
        told('storm')
        return signal.aborted || nowMs() >= untilMs
      },
      LOOK_MS,
    )
    await playing
    await setting.calm?.()
    await weather.heal()
    const callers = actors.filter(({ part }) => part.role === 'caller')
    const isDrained = await within(
      DRAIN_MS,
      () => {
        told('calm')
        for (const caller of callers) if (caller.isReady && !caller.counts.isDone) caller.tell('finish')
        return signal.aborted || callers.every(({ counts }) => counts.isDone)
      },
      LOOK_MS,
    )
    if (!isDrained && !signal.aborted)
      for (const { counts, who } of callers) if (!counts.isDone) log.write({ e: 'undrained', who, open: counts.open })
    if (!signal.aborted) await audit(router.web, folder, await historyOf(allLines(folder)))
  } finally {
    await Promise.all(actors.map((actor) => actor.over()))
    for (const { part } of actors) await part.cable?.close()
  }
  return verdictOf(allLines(folder))
}

async function actorsOf({ folder, log, router, seed, rate }: StormSetting): Promise<Actor[]> {
  const places = [
    ...Array.from({ length: WORKERS }, (_, place) => ({ role: 'worker' as const, place })),
    ...Array.from({ length: CALLERS }, (_, place) => ({ role: 'caller' as const, place })),
  ]
  return Promise.all(
    places.map(async ({ role, place }) => {
      // A third each: through a cable, over a bare socket, over a WebSocket.
      const cable = place % 3 === 0 ? new Cable(router.tcpPort) : undefined
      const url = cable === undefined ? (place % 3 === 1 ? router.tcp : router.web) : await cable.listen()
      const name = (role === 'worker' && place < NAMED_WORKERS) || (role === 'caller' && place === 0) ? `${role}${place}` : undefined
      return new Actor({ role, place, folder, url, cable, name, seed, rate: rate / CALLERS, log })
    }),
  )
}

function sumOf(actors: readonly Actor[]): Omit<Progress, 'phase'> {
  const sum = { attempted: 0, acknowledged: 0, ended: 0, open: 0 }
  for (const { counts, past } of actors) {
    sum.attempted += counts.attempted + past.attempted
    sum.acknowledged += counts.acknowledged + past.acknowledged
    sum.ended += counts.ok + counts.failed + past.ok + past.failed
    sum.open += counts.open
  }
  return sum
}
