/**
 * The third part of a simulation, in a world of its own: streams under faults. Then everything is healed, every stream must end on both sides,
 * everybody closes, and nothing may be left.
 */
import { Network } from '../../network.js'
import { World } from '../../world.js'
import { Cast } from '../cast.js'
import { closeAll } from '../closing.js'
import { Faults } from '../faults.js'
import { History } from '../history.js'
import { Observer } from '../observer.js'
import { both, traceTap } from '../trace.js'
import { Actors } from './actors.js'
import { checkStreams } from './check.js'
import type { StreamsPlan } from './plan.js'
import { StreamWatcher } from './watcher.js'

/** I16: within this time after everything works again, and beside what slow ones take, whatever is due has ended. */
const DRAIN_MS = 10_000

/** Tells `whole` what it found. Resolves with the virtual milliseconds that it took. */
export async function stream(plan: StreamsPlan, whole: History, trace: ((line: string) => void) | undefined): Promise<number> {
  const { scenario } = plan
  const history = new History(scenario)
  const world = new World({ seed: scenario.seed })
  const nowMs = (): number => world.nowMs
  const latency = world.random.fork('latency')
  const seen = both(new Observer(history, nowMs), new StreamWatcher(history))
  const network = new Network(world, {
    latencyMs: () => latency.between(...scenario.latencyMs),
    tap: trace === undefined ? seen : both(traceTap(nowMs, trace), seen),
  })
  const parts = { world, network, history }
  const cast = new Cast(parts)
  const actors = new Actors({ world, cast, plan })
  const faults = new Faults({ ...parts, cast, random: world.random.fork('faults') })
  cast.startRouter()
  for (const name of cast.names) cast.start(name)
  actors.start()
  faults.plan(scenario.faults)
  await world.advance(scenario.endMs + 1)
  faults.heal()
  const slowMs = plan.streams.reduce(
    (sum, { source, reader }) => sum + source.items * (source.everyMs + reader.everyMs) + source.lingersMs,
    0,
  )
  const isDue = (): boolean =>
    actors.streamed.some(({ end, process, flows }) => process.isAlive && (end === undefined || flows.some(isOpen)))
  for (let waitedMs = 0; waitedMs < DRAIN_MS + slowMs && isDue(); waitedMs += 100) await world.advance(100)
  // What a callee of a lost caller still does.
  await world.advance(DRAIN_MS)
  checkStreams(history, actors.streamed)
  await closeAll({ ...parts, cast })
  for (const { invariant, what } of history.violations) whole.violate(invariant, `streams: ${what}`)
  for (const [what, count] of history.counts) whole.counts.set(what, (whole.counts.get(what) ?? 0) + count)
  return world.nowMs
}

function isOpen({ source, isClosed }: { readonly source: { readonly isAlive: boolean } | undefined; readonly isClosed: boolean }): boolean {
  return source?.isAlive === true && !isClosed
}
