/**
 * What happens in the world of stored calls and durable events, drawn from a stream of its own: routers that start again over what those before them have kept, on a disk that
 * forgets, fails, fills up and is damaged; processes that stop and go on; clients that are away for less or for longer than they are waited for. Plain data.
 */
import { Seeded } from '../random.js'
import { durableOf, limitsOf, type DurablePlan } from './durable/plan.js'
import { asksOf, callsOf, type AskPlan, type CallPlan } from './call-plans.js'
import type { Fault, FaultPlan } from './fault-plans.js'
import { RETENTION_MS, type Scenario } from './scenario.js'
import type { SemanticsName } from './semantics.js'
import { BEGIN_MS, GENEROUS_MS, type Weather, type WorkerPlan } from './setting.js'
import { damageOf, storageOf } from './storage-plans.js'

const SEMANTICS: readonly SemanticsName[] = [
  'live',
  'durable',
  'durable',
  'async',
  'async',
  'async',
  'async',
  'callback',
  'postback',
  'postback',
]
const HOUR_MS = 3_600_000

/** With the durable events that are published and read beside its calls. */
export interface StoredPlan {
  readonly scenario: Scenario
  readonly durable: DurablePlan
}

export function storedOf(seed: number): StoredPlan {
  const scenario = scenarioOf(seed)
  const durable = durableOf(seed, scenario)
  return { scenario: { ...scenario, limits: { ...scenario.limits, ...limitsOf(durable) } }, durable }
}

function scenarioOf(seed: number): Scenario {
  const random = new Seeded(seed).fork('stored')
  const weather: Weather = random.pick(['calm', 'cuts', 'storm', 'storm', 'storm', 'storm', 'storm', 'storm', 'storm', 'storm'])
  const spanMs = random.whole(2000, 5000)
  const workers = Array.from({ length: random.whole(1, 3) }, (_, index): WorkerPlan => {
    const version = random.pick(['1.0.0', '1.2.0', '2.0.0'])
    return { name: `worker-${index}`, version, concurrency: random.chance(0.4) ? random.whole(1, 4) : undefined }
  })
  const callers = Array.from({ length: random.whole(1, 3) }, (_, index) => `caller-${index}`)
  const least = random.between(0.1, 5)
  // Longer than a client takes to come back from any one trouble, or not.
  const leaseMs = random.pick([1500, 10_000, 10_000])
  const setting = { weather, workers, callers, spanMs, semantics: SEMANTICS }
  const drawn = themed(random.fork('theme'), callsOf({ ...setting, random: random.fork('calls'), mostCalls: 60 }))
  const hasDisk = random.chance(0.85)
  const faults = weather === 'calm' ? [] : faultsOf({ ...setting, random: random.fork('faults'), calls: drawn, hasDisk, leaseMs })
  // One of them may be longer than what is kept free of a disk that is full.
  const fitting = faults.some(({ kind }) => kind === 'fullDisk') ? drawn.filter(({ method }) => method !== 'large') : drawn
  // Where a store is begun anew, or a clock put forward, what a key stood for may be known no more.
  const isKept = hasDisk && !faults.some((fault) => fault.kind === 'killRouter' && (fault.damage !== undefined || (fault.skewMs ?? 0) > 0))
  const calls = isKept ? fitting.map((call) => (call.semantics === 'live' ? call : { ...call, key: `key-of-${call.id}` })) : fitting
  return {
    seed: random.next(),
    weather,
    limits: {
      windowBytes: random.pick([16, 64, 1024]) * 1024,
      maxOutboundBytes: random.pick([128, 8192]) * 1024,
      maxAttempts: random.pick([2, 5]),
      maxLeased: random.pick([2, 64]),
      receiptRetentionMs: RETENTION_MS,
      postbackRetentionMs: RETENTION_MS,
      deadRetentionMs: RETENTION_MS,
      leaseMs,
      heartbeatMs: 1500,
      heartbeatGraceMs: 1000,
    },
    latencyMs: [least, least + random.between(0, 15)],
    workers,
    callers,
    calls,
    asks: [...asksOf({ ...setting, random: random.fork('asks') }, calls), ...repeatsOf(random.fork('keys'), calls, callers)],
    faults,
    endMs: Math.max(BEGIN_MS + spanMs, ...faults.map(({ atMs, forMs }) => atMs + forMs)),
    storage: hasDisk ? storageOf(random.fork('storage')) : undefined,
  }
}

/** Calls that are made once more under their keys, and others under the same. */
function repeatsOf(random: Seeded, calls: readonly CallPlan[], callers: readonly string[]): AskPlan[] {
  const keyed = calls.filter(({ key }) => key !== undefined)
  if (keyed.length === 0) return []
  return Array.from({ length: random.whole(0, 6) }, (): AskPlan => {
    const { id, atMs } = random.pick(keyed)
    return {
      kind: random.pick(['repeat', 'repeat', 'conflict']),
      atMs: atMs + random.between(30, 2000),
      by: random.pick(callers),
      about: id,
    }
  })
}

/** What most calls of a seed have in common, so that states which need several like them are reached. */
function themed(random: Seeded, calls: readonly CallPlan[]): readonly CallPlan[] {
  const theme = random.pick(['plain', 'order', 'lasting', 'once', 'large'])
  const lasting = { deadlineMs: GENEROUS_MS, cancelAfterMs: undefined, nested: undefined } as const
  return calls.map((call) => {
    // What nobody offers has a deadline of its own.
    if (theme === 'plain' || call.semantics === 'live' || call.address.endsWith('^9') || random.chance(0.4)) return call
    const slow = { ...lasting, method: 'slow', size: random.whole(300, 1000) } as const
    if (theme === 'order') return { ...call, orderKey: 'key-0', ...(random.chance(0.4) && slow) }
    if (theme === 'large')
      return random.chance(0.2) ? { ...call, method: 'large', nested: undefined, size: random.whole(50_000, 150_000) } : call
    const method = theme === 'lasting' ? 'fetch' : random.pick(['slow', 'stubborn', 'polite'] as const)
    return { ...call, ...(random.chance(0.7) && lasting), method, nested: undefined, size: random.whole(300, 1500) }
  })
}

interface Surroundings {
  readonly random: Seeded
  readonly weather: Weather
  readonly workers: readonly WorkerPlan[]
  readonly callers: readonly string[]
  readonly spanMs: number
  readonly calls: readonly CallPlan[]
  readonly hasDisk: boolean
  readonly leaseMs: number
}

function faultsOf({ random, weather, workers, callers, spanMs, calls, hasDisk, leaseMs }: Surroundings): FaultPlan[] {
  const names = [...workers.map(({ name }) => name), ...callers]
  const faults = Array.from({ length: random.whole(1, weather === 'cuts' ? 5 : 8) }, (): FaultPlan => {
    // Most strike while a call is on its way: there the states are that seldom last.
    const { atMs, caller } = random.pick(calls)
    const [target, fromMs] = random.pick([
      [random.pick(names), BEGIN_MS + random.between(0, spanMs)],
      [caller, atMs + random.between(0, 40)],
      [random.pick(workers).name, atMs + random.between(0, 400)],
      [random.pick(workers).name, atMs + random.between(0, 40)],
    ] as const)
    const fault = weather === 'cuts' ? random.pick([{ kind: 'cut' }, strand(random)] as const) : faultOf(random, hasDisk)
    const isLong = (fault.kind === 'outage' || (fault.kind === 'stop' && !fault.isRouter)) && random.chance(0.25)
    const forMs = isLong ? leaseMs + random.between(1300, 3000) : random.between(20, 1800)
    return { ...fault, atMs: Math.min(fromMs, BEGIN_MS + spanMs), target, forMs }
  })
  if (weather === 'storm') faults.push(...aimed({ random, workers, calls, spanMs, leaseMs, hasDisk }))
  // Two at a time may end a session, which is nothing to be mended without a trace.
  const isApart = ({ kind, target, atMs }: FaultPlan, at: number): boolean =>
    kind !== 'strand' || !faults.some((other, index) => index !== at && other.target === target && Math.abs(other.atMs - atMs) < 3000)
  return faults.filter((fault, at) => weather !== 'cuts' || isApart(fault, at)).toSorted((left, right) => left.atMs - right.atMs)
}

interface Aiming extends Pick<Surroundings, 'random' | 'workers' | 'calls' | 'spanMs' | 'leaseMs' | 'hasDisk'> {}

/** What a seed may aim at a call that lasts. */
const AIMS = ['deaths', 'deaths', 'absence', 'long absence'] as const
const AIMS_AT_A_STORE = [...AIMS, 'a start', 'an absence from a router that fails'] as const

/** What a start does to the disk, above all. */
const OPENING_DEEDS = ['list', 'read', 'read', 'create', 'write', 'sync', 'rename', 'syncFolder', 'remove'] as const
const JUST_BEGUN_MS = 0.05

/** What seldom happens by chance. */
function aimed({ random, workers, calls, spanMs, leaseMs, hasDisk }: Aiming): FaultPlan[] {
  const lasting = calls.filter(({ method, semantics, size }) => workingMethods.has(method) && semantics !== 'live' && size > 500)
  if (lasting.length === 0 || random.chance(0.4)) return []
  const { atMs, size } = random.pick(lasting)
  const how = 'reset'
  const each = (fault: Fault, afterMs: (index: number) => number, forMs: () => number): FaultPlan[] =>
    workers.map(({ name }, index) => ({ ...fault, target: name, atMs: atMs + afterMs(index) + random.between(0, 50), forMs: forMs() }))
  const outage = { kind: 'outage', how } as const
  const start = (afterMs: number, forMs: number): FaultPlan => ({ kind: 'killRouter', how, target: '', atMs: atMs + afterMs, forMs })
  const plan = (): FaultPlan[] => {
    switch (random.pick<(typeof AIMS_AT_A_STORE)[number]>(hasDisk ? AIMS_AT_A_STORE : AIMS)) {
      case 'deaths': {
        const rounds = [0, 1, 2].flatMap((round) =>
          each(
            { kind: 'restart', how },
            () => 100 + round * 400,
            () => 100,
          ),
        )
        return hasDisk && random.chance(0.6) ? [...rounds, start(random.pick([350, 750]), 50)] : rounds
      }
      case 'absence':
        return each(
          outage,
          (index) => 100 + index * 900,
          () => random.between(900, 1800),
        )
      case 'long absence':
        return each(
          outage,
          () => 100,
          () => leaseMs + random.between(1300, 3000),
        )
      case 'a start': {
        const [afterMs, forMs] = [random.between(100, 400), random.between(20, 300)]
        const isPower = random.chance(0.5)
        // Before it is ready, or as soon as it is.
        const upon = random.chance(0.7) ? random.pick(OPENING_DEEDS) : undefined
        const again = start(afterMs + forMs + (upon === undefined ? random.between(0, 8) : JUST_BEGUN_MS), 30)
        return [start(afterMs, forMs), { ...again, kind: 'killRouter', how, isPower, upon }]
      }
      case 'an absence from a router that fails':
        // Its last word is said when nothing can be written any more, and its callee comes back before the next router begins.
        return [
          { kind: 'failingDisk', target: '', atMs: atMs + size - random.between(0, 200), forMs: 4000 },
          ...each(
            outage,
            () => size + 150,
            () => random.between(900, 1500),
          ),
        ]
    }
  }
  return plan().filter((fault) => fault.atMs < BEGIN_MS + spanMs)
}

const workingMethods: ReadonlySet<string> = new Set(['fetch', 'slow', 'stubborn', 'polite'])

function faultOf(random: Seeded, hasDisk: boolean): Fault {
  const how = random.pick(['reset', 'reset', 'silent'] as const)
  switch (random.whole(0, hasDisk ? 15 : 8)) {
    case 0:
      return { kind: 'cut' }
    case 1:
      return strand(random)
    case 2:
    case 3:
      return { kind: 'outage', how }
    case 4:
      return { kind: 'silence', direction: random.pick(['in', 'out', 'both']) }
    case 5:
      return { kind: 'restart', how }
    case 6:
      return random.pick([{ kind: 'supersede' }, { kind: 'close', drainMs: random.pick([0, 400, 5000]) }] as const)
    case 7:
      return { kind: 'stop', isRouter: random.chance(0.3) }
    case 8:
      return { kind: 'slow', extraMs: random.whole(50, 700) }
    case 9:
      return random.pick([{ kind: 'failingDisk' }, { kind: 'fullDisk' }, { kind: 'slowDisk', extraMs: random.whole(20, 400) }] as const)
    default:
      return killRouter(random, how)
  }
}

function strand(random: Seeded): Fault {
  return { kind: 'strand', lateMs: random.between(5, 1500) }
}

/** At any time, or when the disk is about to do something. */
function killRouter(random: Seeded, how: 'reset' | 'silent'): Fault {
  return {
    kind: 'killRouter',
    how,
    isPower: random.chance(0.6),
    upon: random.chance(0.5)
      ? random.pick(['write', 'sync', 'sync', 'rename', 'remove', 'remove', 'create', 'syncFolder'] as const)
      : undefined,
    lateMs: random.pick([0, 0, random.between(0, 2)]),
    skewMs: random.chance(0.15) ? random.pick([-HOUR_MS, -2000, 1000, HOUR_MS]) : 0,
    damage: random.chance(0.12) ? damageOf(random) : undefined,
  }
}
