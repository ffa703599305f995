/** Which faults happen when, from a seed alone. Who is meant is a fraction of those who are there when it is due. */
import { Seeded } from '../random.js'

export type Role = 'worker' | 'caller'

export type Fault = { readonly atMs: number } & (
  | { readonly kind: 'kill-router'; readonly downMs: number; readonly againMs: number | undefined; readonly gently: boolean }
  | { readonly kind: 'kill'; readonly role: Role; readonly who: number; readonly downMs: number; readonly gently: boolean }
  | { readonly kind: 'stop'; readonly role: Role | 'router'; readonly who: number; readonly forMs: number }
  /** On the line of somebody. */
  | { readonly kind: 'half-open'; readonly who: number; readonly forMs: number }
  | { readonly kind: 'cut'; readonly who: number; readonly direction: 'up' | 'down'; readonly delta: number }
  | { readonly kind: 'delay'; readonly who: number; readonly delayMs: number; readonly forMs: number }
  | { readonly kind: 'double'; readonly who: number; readonly direction: 'up' | 'down' }
  | { readonly kind: 'dial-again'; readonly who: number }
)

export type Kind = Fault['kind'] | 'kill-worker' | 'kill-caller' | 'stop-router'

/** How long between two of a kind, in the middle. */
export const EVERY_MS: Readonly<Record<Exclude<Kind, 'kill'>, number>> = {
  'kill-router': 9500,
  'kill-worker': 4800,
  'kill-caller': 15_000,
  'stop-router': 60_000,
  stop: 15_000,
  'half-open': 15_000,
  cut: 5000,
  delay: 12_000,
  double: 8000,
  'dial-again': 20_000,
}

export type PlannedKind = keyof typeof EVERY_MS
export const KINDS = Object.keys(EVERY_MS) as readonly PlannedKind[]

/** In the order in which they happen. Each kind draws from a source of its own: leaving one out changes no other. */
export function planOf(seed: number, forMs: number, kinds: readonly PlannedKind[] = KINDS): readonly Fault[] {
  const root = new Seeded(seed)
  return KINDS.flatMap((kind) => {
    const random = root.fork(kind)
    const faults: Fault[] = []
    const step = (): number => EVERY_MS[kind] * random.between(0.3, 1.7)
    for (let atMs = step() / 2; atMs < forMs; atMs += step()) faults.push(drawn(kind, Math.round(atMs), random))
    return kinds.includes(kind) ? faults : []
  }).toSorted((one, other) => one.atMs - other.atMs)
}

function drawn(kind: PlannedKind, atMs: number, random: Seeded): Fault {
  const who = random.fraction()
  const gently = random.chance(0.1)
  const direction = random.chance(0.5) ? 'up' : 'down'
  switch (kind) {
    case 'kill-router':
      // Now and then once more, in the middle of its start or just after it.
      return { atMs, kind, gently, downMs: random.whole(0, 800), againMs: random.chance(0.15) ? random.whole(50, 900) : undefined }
    case 'kill-worker':
    case 'kill-caller':
      return { atMs, kind: 'kill', role: kind === 'kill-worker' ? 'worker' : 'caller', who, gently, downMs: random.whole(0, 1500) }
    case 'stop-router':
      return { atMs, kind: 'stop', role: 'router', who, forMs: random.whole(100, 3000) }
    case 'stop':
      return { atMs, kind, role: random.chance(0.7) ? 'worker' : 'caller', who, forMs: longNowAndThen(random) }
    case 'half-open':
      return { atMs, kind, who, forMs: longNowAndThen(random) }
    case 'cut':
      return { atMs, kind, who, direction, delta: random.whole(-20, 20) }
    case 'delay':
      return { atMs, kind, who, delayMs: random.whole(5, 200), forMs: random.whole(500, 3000) }
    case 'double':
      return { atMs, kind, who, direction }
    case 'dial-again':
      return { atMs, kind, who }
  }
}

/** Past what a heartbeat notices, or too short for it. */
function longNowAndThen(random: Seeded): number {
  return random.chance(0.25) ? random.whole(16_000, 20_000) : random.whole(200, 3000)
}
