/** What happens in a simulation, drawn from a seed before it begins: who is there, who calls what when, and what goes wrong. Plain data. */
import type { Limits } from '@waybill/server'
import { Seeded } from '../random.js'
import type { Invocation, MethodName } from './kennel.js'

/** `calm`: nothing goes wrong. `cuts`: only what a resume mends without a trace. `storm`: everything. */
export type Weather = 'calm' | 'cuts' | 'storm'

export interface WorkerPlan {
  readonly name: string
  readonly version: string
  readonly concurrency: number | undefined
}

export interface CallPlan extends Invocation {
  readonly atMs: number
  readonly caller: string
  /** By the oldest process of that name that lives, which may have been superseded or closed. */
  readonly byFormer: boolean
  readonly address: string
  /** Only this client. */
  readonly on: string | undefined
  readonly timeoutMs: number
  readonly deadlineMs: number
  readonly cancelAfterMs: number | undefined
  /** Somebody listens to what precedes the outcome. */
  readonly isWatched: boolean
}

export type Fault =
  | { readonly kind: 'cut' }
  /** No new link for so long after a cut. */
  | { readonly kind: 'outage'; readonly how: 'reset' | 'silent' }
  | { readonly kind: 'silence'; readonly direction: 'in' | 'out' | 'both' }
  | { readonly kind: 'slow'; readonly extraMs: number }
  | { readonly kind: 'restart'; readonly how: 'reset' | 'silent' }
  /** Another process takes the name while the first still lives. */
  | { readonly kind: 'supersede' }
  | { readonly kind: 'close'; readonly drainMs: number }
  | { readonly kind: 'killRouter'; readonly how: 'reset' | 'silent' }

export type FaultPlan = Fault & {
  readonly atMs: number
  /** The client, where it is about one. */
  readonly target: string
  /** Until it is healed, or until what was ended is started again. */
  readonly forMs: number
}

export interface Scenario {
  readonly seed: number
  readonly weather: Weather
  readonly limits: Partial<Limits>
  readonly latencyMs: readonly [least: number, most: number]
  readonly workers: readonly WorkerPlan[]
  readonly callers: readonly string[]
  readonly calls: readonly CallPlan[]
  readonly faults: readonly FaultPlan[]
  /** When the last call is made and the last fault begins. */
  readonly endMs: number
}

/** Time for everybody to connect and offer. */
const BEGIN_MS = 500
/** Long enough for whatever goes well. */
export const GENEROUS_MS = 20_000

export function scenarioOf(seed: number): Scenario {
  const random = new Seeded(seed)
  const weather: Weather = random.pick(['calm', 'cuts', 'cuts', 'storm', 'storm', 'storm', 'storm', 'storm'])
  const spanMs = random.whole(1500, 4000)
  const workers = Array.from({ length: random.whole(1, 3) }, (_, index): WorkerPlan => {
    const version = random.pick(['1.0.0', '1.2.0', '2.0.0'])
    return { name: `worker-${index}`, version, concurrency: random.chance(0.5) ? random.whole(1, 4) : undefined }
  })
  const callers = Array.from({ length: random.whole(1, 4) }, (_, index) => `caller-${index}`)
  const least = random.between(0.1, 5)
  const everything = { random: random.fork('calls'), weather, workers, callers, spanMs }
  return {
    seed,
    weather,
    limits: {
      windowBytes: random.pick([16, 64, 1024]) * 1024,
      maxOutboundBytes: random.pick([128, 8192]) * 1024,
      maxQueuedCalls: weather === 'storm' ? random.pick([3, 6, 4096]) : 4096,
      heartbeatMs: 1500,
      heartbeatGraceMs: 1000,
    },
    latencyMs: [least, least + random.between(0, 15)],
    workers,
    callers,
    calls: callsOf(everything),
    faults: faultsOf({ ...everything, random: random.fork('faults') }),
    endMs: BEGIN_MS + spanMs,
  }
}

interface Setting {
  readonly random: Seeded
  readonly weather: Weather
  readonly workers: readonly WorkerPlan[]
  readonly callers: readonly string[]
  readonly spanMs: number
}

const METHODS: readonly MethodName[] = ['fast', 'fast', 'fast', 'fast', 'slow', 'slow', 'fail', 'steps', 'stubborn', 'polite']

function callsOf({ random, weather, workers, callers, spanMs }: Setting): CallPlan[] {
  const calls: CallPlan[] = []
  const count = random.whole(20, 70)
  const hasLarge = random.chance(0.25)
  // Many at once, so that queues and windows fill.
  const bursts = random.chance(0.3) ? Array.from({ length: 3 }, () => random.between(0, spanMs)) : undefined
  for (let id = 1; id <= count; id++) {
    const method = hasLarge && id % 20 === 0 ? 'large' : random.pick(METHODS)
    const worker = random.pick(workers)
    const isTight = random.chance(0.25)
    const isAbsent = weather === 'storm' && random.chance(0.03)
    calls.push({
      id,
      method,
      size: sizeOf(method, random),
      everyMs: random.whole(20, 150),
      atMs: BEGIN_MS + (bursts === undefined ? random.between(0, spanMs) : random.pick(bursts)),
      caller: random.pick(callers),
      byFormer: weather === 'storm' && random.chance(0.2),
      address: isAbsent ? 'Kennel@^9' : random.pick(['Kennel', `Kennel@^${worker.version}`]),
      on: !isAbsent && random.chance(0.15) ? worker.name : undefined,
      timeoutMs: random.chance(0.1) ? random.whole(80, 600) : 30_000,
      deadlineMs: isTight ? random.whole(20, 900) : GENEROUS_MS,
      cancelAfterMs: random.chance(0.15) ? random.pick([0, random.between(0, 30), random.between(0, 900)]) : undefined,
      isWatched: random.chance(0.3),
    })
  }
  return calls.toSorted((left, right) => left.atMs - right.atMs).map(sameTarget)
}

/** A call to one client asks for whatever version it has. */
function sameTarget(call: CallPlan): CallPlan {
  return call.on === undefined ? call : { ...call, address: 'Kennel' }
}

function sizeOf(method: MethodName, random: Seeded): number {
  switch (method) {
    case 'large':
      return random.whole(1000, 600_000)
    case 'steps':
      return random.whole(1, 8)
    case 'fast':
    case 'fail':
      return random.whole(0, 1000)
    default:
      return random.whole(5, 600)
  }
}

function faultsOf({ random, weather, workers, callers, spanMs }: Setting): FaultPlan[] {
  const names = [...workers.map(({ name }) => name), ...callers]
  const faults: FaultPlan[] = []
  const count = weather === 'calm' ? 0 : weather === 'cuts' ? random.whole(1, 6) : random.whole(1, 5)
  for (let index = 0; index < count; index++) {
    faults.push({
      ...(weather === 'cuts' ? { kind: 'cut' } : faultOf(random)),
      atMs: BEGIN_MS + random.between(0, spanMs),
      target: random.pick(names),
      forMs: random.between(20, 1800),
    })
  }
  return faults.toSorted((left, right) => left.atMs - right.atMs)
}

function faultOf(random: Seeded): Fault {
  const how = random.pick(['reset', 'reset', 'silent'] as const)
  switch (random.whole(0, 10)) {
    case 0:
      return { kind: 'cut' }
    case 1:
    case 2:
      return { kind: 'outage', how }
    case 3:
      return { kind: 'silence', direction: random.pick(['in', 'out', 'both']) }
    case 4:
      return { kind: 'slow', extraMs: random.whole(50, 700) }
    case 5:
      return { kind: 'restart', how }
    case 6:
      return { kind: 'supersede' }
    case 7:
    case 8:
      return { kind: 'close', drainMs: random.pick([0, 400, 5000]) }
    default:
      return { kind: 'killRouter', how }
  }
}
