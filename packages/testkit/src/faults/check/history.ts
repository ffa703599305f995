/** All that was written down, put together by call and by process. Folds lines in any order of files; judges nothing. */
import type { Durability } from '@waybill/core'
import type { Attempted, AuditLine, Line, Stamp, Told } from '../lines.js'

export interface Run {
  readonly worker: string
  readonly attempt: number
  readonly startedMs: number
  readonly sum: number
  readonly key: string | undefined
  endedMs: number | undefined
  result: string | undefined
}

export interface Call {
  readonly sn: string
  attempted: (Attempted & Stamp) | undefined
  /** When its caller was told that it is stored. */
  storedMs: number | undefined
  durability: Durability | undefined
  duplicate: boolean
  /** Whether the router denied to a caller to know it. */
  goneMs: number | undefined
  /** What callers were told of its end. */
  readonly told: (Told & Stamp)[]
  readonly runs: Run[]
  /** What the router said in the end. */
  audit: (AuditLine & Stamp) | undefined
}

export interface RouterStart {
  readonly spawnedMs: number
  readyMs: number | undefined
  endedMs: number | undefined
}

/** Somebody was slow, or could not be reached. */
export interface Trouble {
  readonly who: string
  readonly why: string
  readonly fromMs: number
  readonly toMs: number
}

/** How long after a fault what it caused may still come. */
export const AFTERMATH_MS = 3000

export class History {
  readonly calls = new Map<string, Call>()
  readonly routers: RouterStart[] = []
  readonly troubles: Trouble[] = []
  /** Sessions that a client knows to be lost. */
  readonly losses: { readonly who: string; readonly atMs: number }[] = []
  readonly connections: { readonly who: string; readonly atMs: number }[] = []
  readonly spawned = new Map<string, number>()
  /** When each process ended, however. */
  readonly ended = new Map<string, { readonly atMs: number; readonly how: string }>()
  /** Processes that ended by themselves. */
  readonly died: { readonly who: string; readonly how: string }[] = []
  readonly undrained: { readonly who: string; readonly open: number }[] = []
  readonly faults = new Map<string, number>()
  /** The router's disk is full, or says that it failed. */
  isDiskBad = false
  healedMs: number | undefined
  drainedMs: number | undefined

  add(line: Line): void {
    switch (line.e) {
      case 'attempted':
        this.#call(line.sn).attempted = line
        break
      case 'stored': {
        const call = this.#call(line.sn)
        call.storedMs = line.t
        call.durability = line.durability
        call.duplicate = line.duplicate === true
        break
      }
      case 'ok':
      case 'failed':
      case 'indeterminate':
        if ('audit' in line) this.#call(line.sn).audit = line
        else this.#call(line.sn).told.push(line)
        break
      case 'absent':
      case 'pending':
        this.#call(line.sn).audit = line
        break
      case 'gone':
        this.#call(line.sn).goneMs = line.t
        break
      case 'started': {
        const { i: worker, attempt, t: startedMs, sum, key } = line
        this.#call(line.sn).runs.push({ worker, attempt, startedMs, sum, key, endedMs: undefined, result: undefined })
        break
      }
      case 'finished':
        this.#runEnded(line, line.result)
        break
      case 'threw':
        this.#runEnded(line, undefined)
        break
      case 'inherited':
        break
      case 'drained':
        this.drainedMs = Math.max(this.drainedMs ?? 0, line.t)
        break
      default:
        this.#ofProcess(line)
    }
  }

  /** Routers and connections in the order in which they were, whatever the order of the files. */
  finish(): this {
    this.routers.sort((one, other) => one.spawnedMs - other.spawnedMs)
    this.connections.sort((one, other) => one.atMs - other.atMs)
    return this
  }

  /** When a run ended as far as anybody knows: by itself, or with its process. */
  endOf(run: Run): number {
    return run.endedMs ?? this.ended.get(run.worker)?.atMs ?? Number.POSITIVE_INFINITY
  }

  #ofProcess(
    line: Extract<
      Line,
      { e: 'connected' | 'lost' | `router-${string}` | 'ended' | 'died' | 'spawned' | 'away' | 'fault' | 'disk' | 'healed' | 'undrained' }
    >,
  ): void {
    const { t: atMs } = line
    switch (line.e) {
      case 'connected':
        this.connections.push({ who: line.i, atMs })
        break
      case 'lost':
        this.losses.push({ who: line.i, atMs })
        break
      case 'router-spawned':
        this.routers.push({ spawnedMs: atMs, readyMs: undefined, endedMs: undefined })
        break
      case 'router-ready':
        this.routers.at(-1)!.readyMs = atMs
        break
      case 'spawned':
        this.spawned.set(line.who, atMs)
        break
      case 'ended':
        this.#ended(line.who, atMs, line.how)
        break
      case 'died':
        this.#ended(line.who, atMs, line.how)
        this.died.push({ who: line.who, how: line.how })
        break
      case 'away':
        this.#count(line.why)
        this.troubles.push({ who: line.who, why: line.why, fromMs: atMs, toMs: atMs + line.forMs + AFTERMATH_MS })
        break
      case 'fault':
        this.#count(line.what)
        this.troubles.push({ who: line.who, why: line.what, fromMs: atMs, toMs: atMs + AFTERMATH_MS })
        break
      case 'disk':
        this.isDiskBad = true
        this.#count(line.what)
        break
      case 'healed':
        this.healedMs = atMs
        break
      case 'undrained':
        this.undrained.push({ who: line.who, open: line.open })
        break
    }
  }

  #call(sn: string): Call {
    let call = this.calls.get(sn)
    if (call === undefined) {
      call = {
        sn,
        attempted: undefined,
        storedMs: undefined,
        durability: undefined,
        duplicate: false,
        goneMs: undefined,
        told: [],
        runs: [],
        audit: undefined,
      }
      this.calls.set(sn, call)
    }
    return call
  }

  #runEnded({ sn, attempt, i, t }: Stamp & { sn: string; attempt: number }, result: string | undefined): void {
    const run = this.#call(sn).runs.findLast((one) => one.worker === i && one.attempt === attempt && one.endedMs === undefined)
    if (run === undefined) throw new Error(`the log of ${i} ends a run of ${sn} that it did not begin`)
    run.endedMs = t
    run.result = result
  }

  #ended(who: string, atMs: number, how: string): void {
    this.ended.set(who, { atMs, how })
    const router = this.routers.at(-1)
    if (who.startsWith('router') && router !== undefined) router.endedMs = atMs
    if (how === 'killed') this.#count(`kill ${who.replace(/-.*/, '')}`)
    else if (how === 'asked') this.#count(`ask ${who.replace(/-.*/, '')} to end`)
  }

  #count(what: string): void {
    this.faults.set(what, (this.faults.get(what) ?? 0) + 1)
  }
}

export async function historyOf(lines: AsyncIterable<Line> | Iterable<Line>): Promise<History> {
  const history = new History()
  for await (const line of lines) history.add(line)
  return history.finish()
}
