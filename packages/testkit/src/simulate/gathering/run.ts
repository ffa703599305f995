/**
 * The second part of a simulation, in a world of its own: events, groups and drains under faults. Then everything is healed, what is due must
 * come, everybody closes, and nothing may be left.
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
import { checkEvents } from './check-events.js'
import { checkGroups } from './check-groups.js'
import { WITNESS, type GatheringPlan } from './plan.js'
import { Record } from './record.js'
import { Watcher } from './watcher.js'

/** I16: within this time after everything works again, whatever is due has ended. */
const DRAIN_MS = 10_000
/** Until a router knows of those that closed, and has said so. */
const LEAVING_MS = 20_000

/** Tells `whole` what it found. Resolves with the virtual milliseconds that it took. */
export async function gather(plan: GatheringPlan, whole: History, trace: ((line: string) => void) | undefined): Promise<number> {
  const { scenario } = plan
  const history = new History(scenario)
  const record = new Record()
  const world = new World({ seed: scenario.seed })
  const nowMs = (): number => world.nowMs
  const latency = world.random.fork('latency')
  const seen = both(new Observer(history, nowMs), new Watcher(record, nowMs))
  const network = new Network(world, {
    latencyMs: () => latency.between(...scenario.latencyMs),
    tap: trace === undefined ? seen : both(traceTap(nowMs, trace), seen),
  })
  const parts = { world, network, history }
  const cast = new Cast(parts)
  const actors = new Actors({ ...parts, cast, record, plan })
  const faults = new Faults({ ...parts, cast, random: world.random.fork('faults') })
  noteRouters(cast, record, nowMs)
  cast.startRouter()
  for (const name of cast.names) cast.start(name)
  actors.start()
  faults.plan(scenario.faults)
  await world.advance(scenario.endMs + 1)
  faults.heal()
  // Long enough for every deadline of a group as well.
  await world.advance(DRAIN_MS + Math.max(...plan.groups.map(({ deadlineMs }) => deadlineMs)))
  await actors.last(DRAIN_MS)
  await world.advance(1000)
  for (const life of cast.living) if (life.name !== WITNESS) void cast.close(life, 0)
  cast.isOver = true
  await world.advance(LEAVING_MS)
  checkEvents(history, record)
  checkGroups(history, record)
  await closeAll({ ...parts, cast })
  for (const { invariant, what } of history.violations) whole.violate(invariant, `gathering: ${what}`)
  for (const [what, count] of history.counts) whole.counts.set(what, (whole.counts.get(what) ?? 0) + count)
  return world.nowMs
}

/** When each router lived. */
function noteRouters(cast: Cast, record: Record, nowMs: () => number): void {
  const [start, kill] = [cast.startRouter.bind(cast), cast.killRouter.bind(cast)]
  cast.startRouter = () => {
    start()
    record.routers.set(cast.router!.process.id, { fromMs: nowMs(), untilMs: Number.POSITIVE_INFINITY })
  }
  cast.killRouter = (death) => {
    const { id } = cast.router!.process
    record.routers.set(id, { ...record.routers.get(id)!, untilMs: nowMs() })
    kill(death)
  }
}
