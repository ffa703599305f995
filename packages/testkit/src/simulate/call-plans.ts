/** Which calls are made in a simulation, and what is asked of those that are stored. Plain data. */
import type { Seeded } from '../random.js'
import type { Invocation, MethodName } from './kennel.js'
import { SEMANTICS, type SemanticsName } from './semantics.js'
import { BEGIN_MS, GENEROUS_MS, tenantOf, type Setting } from './setting.js'

/** A call that a method makes while it runs. */
export interface NestedPlan {
  readonly method: MethodName
  readonly semantics: SemanticsName
  /** With the order key of the call during which it is made, for which it would have to wait. */
  readonly sharesKey: boolean
}

export interface CallPlan extends Invocation {
  readonly semantics: SemanticsName
  readonly atMs: number
  readonly caller: string
  /** By the oldest process of that name that lives, which may have been superseded or closed. */
  readonly byFormer: boolean
  readonly address: string
  /** Only this client. */
  readonly on: string | undefined
  readonly timeoutMs: number
  readonly deadlineMs: number
  /** How long a live call may wait for somebody to come. */
  readonly waitMs: number | undefined
  readonly cancelAfterMs: number | undefined
  /** How many more attempts its caller asks for. */
  readonly retry: number
  /** Somebody listens to what precedes the outcome. */
  readonly isWatched: boolean
  readonly sticky: string | undefined
  readonly orderKey: string | undefined
  /** What its caller knows it by. */
  readonly key?: string | undefined
  readonly policy: 'roundRobin' | undefined
  /** By which it is found among the caller's calls, with others. */
  readonly group: number
  /** Who is told, where it is somebody else. */
  readonly replyto: string
  readonly nested: NestedPlan | undefined
  /** The call during which it is made. */
  readonly within: number | undefined
}

/** What somebody asks of a stored call, perhaps of another process or another principal. */
export interface AskPlan {
  /** `repeat`: the same call under its key once more; `conflict`: another one under that key. */
  readonly kind: 'result' | 'cancel' | 'cancelGroup' | 'list' | 'repeat' | 'conflict'
  readonly atMs: number
  readonly by: string
  readonly about: number
}

const METHODS: readonly MethodName[] = [
  ...['fast', 'fast', 'fast', 'fast', 'slow', 'slow', 'fail', 'steps', 'stubborn', 'polite'],
  ...['fetch', 'fetch', 'fetch', 'relay'],
] as MethodName[]

const ORDINARY: readonly SemanticsName[] = Object.entries(SEMANTICS).flatMap(([name, { weight }]) =>
  Array.from({ length: weight }, () => name as SemanticsName),
)

export function callsOf({ random, weather, workers, callers, spanMs, semantics: kinds = ORDINARY, mostCalls = 120 }: Setting): CallPlan[] {
  const calls: CallPlan[] = []
  const count = random.whole(Math.min(30, mostCalls / 3), mostCalls)
  const hasLarge = random.chance(0.25)
  // Many at once, so that queues and windows fill.
  const bursts = random.chance(0.3) ? Array.from({ length: 3 }, () => random.between(0, spanMs)) : undefined
  for (let id = 1; id <= count; id++) {
    const method = hasLarge && id % 7 === 3 ? 'large' : random.pick(METHODS)
    const semantics = random.pick(kinds)
    const worker = random.pick(workers)
    const caller = random.pick(callers)
    const isTight = random.chance(0.25)
    const isAbsent = weather === 'storm' && random.chance(0.05)
    const on = !isAbsent && random.chance(0.15) ? worker.name : undefined
    calls.push({
      id,
      method,
      semantics,
      size: sizeOf(method, random),
      everyMs: random.whole(20, 150),
      atMs: BEGIN_MS + (bursts === undefined ? random.between(0, spanMs) : random.pick(bursts)),
      caller,
      byFormer: weather === 'storm' && random.chance(0.2),
      // A call to one client asks for whatever version it has.
      address: isAbsent ? 'Kennel@^9' : on !== undefined ? 'Kennel' : random.pick(['Kennel', `Kennel@^${worker.version}`]),
      on,
      timeoutMs: random.chance(0.1) ? random.whole(80, 600) : GENEROUS_MS,
      deadlineMs: isTight ? random.whole(20, 900) : isAbsent ? random.whole(200, 3000) : GENEROUS_MS,
      waitMs: random.chance(0.1) ? random.whole(20, 3000) : undefined,
      cancelAfterMs: random.chance(0.15) ? random.pick([0, random.between(0, 30), random.between(0, 900)]) : undefined,
      // Not drawn, so that everything else is as it would be without.
      retry: semantics === 'live' && id % 5 === 0 ? 4 : 0,
      isWatched: random.chance(0.3),
      sticky: random.chance(0.1) ? `sticky-${random.whole(0, 3)}` : undefined,
      orderKey: random.chance(0.25) ? `key-${random.whole(0, 2)}` : undefined,
      policy: random.chance(0.1) ? 'roundRobin' : undefined,
      group: random.whole(0, 9),
      replyto: random.pick(callers.filter((other) => tenantOf(other) === tenantOf(caller))),
      nested: method === 'relay' ? nestedOf(random) : undefined,
      within: undefined,
    })
  }
  return calls.toSorted((left, right) => left.atMs - right.atMs)
}

function nestedOf(random: Seeded): NestedPlan {
  return {
    method: random.pick(['fast', 'slow', 'fetch']),
    semantics: random.pick(['live', 'live', 'durable']),
    sharesKey: random.chance(0.5),
  }
}

const ASKS: readonly AskPlan['kind'][] = ['result', 'result', 'result', 'result', 'cancel', 'cancelGroup', 'list']

export function asksOf({ random, callers, spanMs }: Setting, calls: readonly CallPlan[]): AskPlan[] {
  const stored = calls.filter(({ semantics }) => SEMANTICS[semantics].isStored)
  if (stored.length === 0) return []
  const asks = Array.from({ length: random.whole(0, 12) }, (): AskPlan => {
    const { id, atMs } = random.pick(stored)
    // Now and then long after, when all is over.
    const laterMs = random.chance(0.2) ? random.between(0, spanMs) : random.between(5, 600)
    return { kind: random.pick(ASKS), atMs: Math.min(atMs + laterMs, BEGIN_MS + spanMs), by: random.pick(callers), about: id }
  })
  return asks.toSorted((left, right) => left.atMs - right.atMs)
}

function sizeOf(method: MethodName, random: Seeded): number {
  switch (method) {
    case 'large':
      return random.whole(1000, 600_000)
    case 'steps':
      return random.whole(1, 8)
    case 'fast':
    case 'fail':
    case 'relay':
      return random.whole(0, 1000)
    case 'fetch':
      return random.whole(5, 1500)
    default:
      return random.whole(5, 600)
  }
}

const PLAIN = {
  everyMs: 0,
  byFormer: false,
  on: undefined,
  waitMs: undefined,
  cancelAfterMs: undefined,
  retry: 0,
  isWatched: false,
  sticky: undefined,
  orderKey: undefined,
  policy: undefined,
  group: -1,
  replyto: '',
  nested: undefined,
  within: undefined,
} as const

/** A call that shows whether the one reaches the other. */
export function probe({ id, caller, on, atMs }: Pick<CallPlan, 'id' | 'caller' | 'on' | 'atMs'>): CallPlan {
  return {
    ...PLAIN,
    id,
    method: 'fast',
    semantics: 'live',
    size: 1,
    atMs,
    caller,
    address: 'Kennel',
    on,
    timeoutMs: 2000,
    deadlineMs: 2000,
  }
}

/** The call that a worker makes while it runs that one. */
export function nestedCall(id: number, caller: string, atMs: number, outer: CallPlan, nestedMs: number): CallPlan {
  const { method, semantics, sharesKey } = outer.nested!
  const orderKey = sharesKey ? outer.orderKey : undefined
  const size = outer.size % 200
  const times = { timeoutMs: GENEROUS_MS, deadlineMs: nestedMs }
  return { ...PLAIN, id, method, semantics, size, atMs, caller, address: 'Kennel', orderKey, within: outer.id, ...times }
}
