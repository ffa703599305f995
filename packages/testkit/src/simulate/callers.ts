/** Makes the calls of a scenario at their times, asks for those that are stored, and writes down what is told. */
import type { Exceptional, ReceiptQuery, RemoteOptions } from '@waybill/client'
import type { World } from '../world.js'
import { nestedCall, type AskPlan, type CallPlan } from './call-plans.js'
import type { Cast, Life } from './cast.js'
import type { Ended, Fetch, History, MadeCall } from './history.js'
import { argumentsOf, NESTED_MS, type Kennel } from './kennel.js'
import { SEMANTICS, type Callable, type Hearing } from './semantics.js'
import { tenantOf } from './setting.js'

/** Between the ids of a call and of one that is none, and must never be. */
const ANOTHER = 5_000_000
/** Ids of calls that methods make. */
const NESTED_IDS = 2_000_000

export class Callers {
  readonly #world: World
  readonly #cast: Cast
  readonly #history: History
  #nested = NESTED_IDS

  constructor(parts: { world: World; cast: Cast; history: History }) {
    this.#world = parts.world
    this.#cast = parts.cast
    this.#history = parts.history
  }

  plan(calls: readonly CallPlan[], asks: readonly AskPlan[]): void {
    for (const call of calls) {
      this.#world.after(call.atMs, () => {
        const current = this.#cast.current.get(call.caller)
        const life = call.byFormer ? this.#cast.lives.find(({ name, process }) => name === call.caller && process.isAlive) : current
        if (life?.client !== undefined) life.process.enter(() => void this.make(life, call))
      })
    }
    for (const ask of asks) {
      this.#world.after(ask.atMs, () => {
        const life = this.#cast.current.get(ask.by)
        if (life?.client !== undefined) life.process.enter(() => this.#ask(life, ask))
      })
    }
  }

  /** Calls of which something more will be heard, by processes that live. */
  get pending(): readonly MadeCall[] {
    return this.#history.calls.filter((made) => {
      if (!made.process.isAlive || made.ends.length > 0) return false
      return SEMANTICS[made.plan.semantics].isHeardOf || (!made.isHandedOver && made.storedMs === undefined)
    })
  }

  /** Questions that have no answer yet. */
  get asking(): readonly Fetch[] {
    return this.#history.fetches.filter(({ ends, process }) => ends.length === 0 && process.isAlive)
  }

  make(life: Life, plan: CallPlan): MadeCall {
    const semantics = SEMANTICS[plan.semantics]
    const aborting = new AbortController()
    const made: MadeCall = {
      plan,
      sn: undefined,
      process: life.process,
      startedMs: this.#world.nowMs,
      storedMs: undefined,
      cancelledMs: undefined,
      ends: [],
      told: 0,
      isHandedOver: false,
      progress: [],
    }
    this.#history.calls.push(made)
    const callable = life.client!.remote<Kennel>(plan.address)[plan.method] as unknown as Callable
    const options: RemoteOptions = { ...optionsOf(plan), ...semantics.options, signal: aborting.signal }
    semantics.make(callable.with(options), argumentsOf(plan), this.#hearing(made), plan)
    if (plan.cancelAfterMs !== undefined) {
      const cancel = (): void => {
        if (made.ends.length > 0) return
        made.cancelledMs ??= this.#world.nowMs
        // What is stored is cancelled by whoever holds its receipt; before that by who makes it.
        if (semantics.isStored && made.storedMs !== undefined)
          life
            .client!.receipt(made.sn!)
            .cancel()
            .then(() => this.#cancelled(made.sn!))
            .catch(() => {})
        else aborting.abort('planned')
      }
      this.#world.after(plan.cancelAfterMs, () => life.process.enter(cancel))
    }
    return made
  }

  /** The call that a worker makes while it runs that one; resolves when it has ended. */
  async during(life: Life, outerId: number): Promise<void> {
    const outer = this.#history.made(outerId)
    if (outer?.plan.nested === undefined || life.client === undefined) return
    const made = this.make(life, nestedCall(++this.#nested, life.name, this.#world.nowMs, outer.plan, NESTED_MS))
    while (made.ends.length === 0 && life.process.isAlive) await life.process.sleep(5)
  }

  #hearing(made: MadeCall): Hearing {
    const end = (ended: Ended): void => {
      // What a killed process would still be told, nobody hears.
      if (made.process.isAlive) made.ends.push(ended)
    }
    return {
      named: (sn) => (made.sn = sn),
      stored: () => (made.storedMs ??= this.#world.nowMs),
      progress: (completed) => made.progress.push(completed),
      told: () => made.told++,
      result: (value) => end({ kind: 'result', atMs: this.#world.nowMs, value }),
      failed: (error) => end(this.#failure(error)),
      handedOver: () => (made.isHandedOver = true),
      seen: (what) => this.#history.count(what),
    }
  }

  #failure({ code, executed, message }: Error & Exceptional): Ended {
    return { kind: 'error', atMs: this.#world.nowMs, code, executed, message }
  }

  // ---- receipts

  #ask(life: Life, { kind, about }: AskPlan): void {
    const made = this.#history.made(about)
    // Before the router has said that it has the call there is nothing to ask for.
    if (made === undefined || this.#history.storing(made) === undefined) return
    const sn = this.#history.snOf(made)!
    const isOwn = tenantOf(life.name) === tenantOf(made.plan.caller)
    switch (kind) {
      case 'result':
        return void this.fetch(life, made)
      case 'list':
        return this.list(life)
      case 'repeat':
      case 'conflict':
        return this.#again(life, made, sn, kind)
      case 'cancel':
        if (isOwn) made.cancelledMs ??= this.#world.nowMs
        return this.#cancel(life, { sn }, 'by sn', (cancelled) => isOwn && cancelled === sn)
      case 'cancelGroup':
        return this.#cancelGroup(life, made.plan.group)
    }
  }

  /** The key of a call that is stored: by whoever of the same principal, it is the same call, or none. */
  #again(life: Life, { plan }: MadeCall, sn: string, kind: 'repeat' | 'conflict'): void {
    if (plan.key === undefined || tenantOf(life.name) !== tenantOf(plan.caller)) return
    const callable = life.client!.remote<Kennel>(plan.address)[plan.method] as unknown as Callable
    const args = argumentsOf(kind === 'repeat' ? plan : { ...plan, id: plan.id + ANOTHER })
    const about = `${life.name} asked for call ${plan.id} (${sn}) again under its key`
    callable
      .with({ key: plan.key })
      .async(...args)
      .then(
        (receipt) => {
          this.#history.count('key that is known again')
          if (kind === 'conflict') this.#history.violate('key', `${about} with other arguments, and has ${receipt.sn}`)
          else if (receipt.sn !== sn) this.#history.violate('key', `${about}, and has ${receipt.sn}`)
        },
        ({ code, executed }: Error & Exceptional) => {
          if (code !== 'IdempotencyConflict') return
          this.#history.count('IdempotencyConflict')
          if (kind === 'repeat' || executed !== 'no') this.#history.violate('key', `${about}, and was told ${code}{${executed}}`)
        },
      )
  }

  fetch(life: Life, made: MadeCall): Fetch {
    const fetch: Fetch = { made, by: life.name, process: life.process, askedMs: this.#world.nowMs, ends: [] }
    this.#history.fetches.push(fetch)
    const end = (ended: Ended): void => {
      if (life.process.isAlive) fetch.ends.push(ended)
    }
    const receipt = life.client!.receipt<unknown>(this.#history.snOf(made)!)
    receipt.result().then(
      (value) => end({ kind: 'result', atMs: this.#world.nowMs, value }),
      (error: Error & Exceptional) => end(this.#failure(error)),
    )
    return fetch
  }

  /** I7, for lists: nothing in it is of another principal. */
  list(life: Life): void {
    const tenant = tenantOf(life.name)
    life
      .client!.receipts({ limit: 1000 })
      .then((infos) => {
        for (const { sn, client } of infos)
          if (tenantOf(client) !== tenant) this.#history.violate('I7', `${life.name} is shown ${sn}, which ${client} stored`)
      })
      .catch(() => {})
  }

  #cancelGroup(life: Life, group: number): void {
    const tenant = tenantOf(life.name)
    this.#history.groupCancels.push({ tenant, group, atMs: this.#world.nowMs })
    // Those too that were made while the question was under way.
    const isMeant = (sn: string): boolean =>
      this.#history.calls.some((made) => isOf(made.plan, tenant, group) && this.#history.snOf(made) === sn)
    this.#cancel(life, { data: { match: { group } } }, 'by criteria', isMeant)
  }

  #cancelled(sn: string): void {
    if (!this.#history.cancelled.has(sn)) this.#history.cancelled.set(sn, this.#world.nowMs)
  }

  #cancel(life: Life, query: ReceiptQuery, how: string, isMeant: (sn: string) => boolean): void {
    life
      .client!.cancelReceipts(query)
      .then((cancelled) => {
        for (const sn of cancelled)
          if (!isMeant(sn)) this.#history.violate('I7', `${life.name} cancelled ${sn}, which is not its own, by ${JSON.stringify(query)}`)
        for (const sn of cancelled) this.#cancelled(sn)
        if (cancelled.length > 0) this.#history.count(`cancelled ${how}`)
      })
      .catch(() => {})
  }
}

/** Whether a cancel of the group is about the call. */
export function isOf({ caller, group }: CallPlan, tenant: string, cancelled: number): boolean {
  return group === cancelled && tenantOf(caller) === tenant
}

function optionsOf(plan: CallPlan): RemoteOptions {
  const { deadlineMs, timeoutMs, on, waitMs, sticky, orderKey, policy, id, group, key, retry } = plan
  const { isStored } = SEMANTICS[plan.semantics]
  return {
    deadline: deadlineMs,
    data: { id, group },
    ...(!isStored && { timeout: timeoutMs }),
    ...(!isStored && waitMs !== undefined && { ttl: waitMs }),
    ...(retry > 0 && { retry }),
    ...(on !== undefined && { on }),
    ...(sticky !== undefined && { sticky }),
    ...(orderKey !== undefined && { orderKey }),
    ...(key !== undefined && { key }),
    ...(policy !== undefined && { policy }),
  }
}
