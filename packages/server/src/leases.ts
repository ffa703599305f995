/**
 * Which stored calls are in whose hands, by the token of each handing over, and which of them are away: their callee's session is lost, and its process
 * may come back with them. Owns tokens and how long each process is waited for. What becomes of a call is not decided here.
 */
import { Timed, Wheel, type Clock, type Random } from '@waybill/core'
import type { CallRecord, Lease, Receipt, Session } from './model.js'

/** A process that has calls and is not here. */
class Holder extends Timed {
  readonly calls = new Set<CallRecord>()

  constructor(
    readonly name: string,
    readonly incarnation: string,
    readonly over: (holder: Holder) => void,
  ) {
    super()
  }

  override due(): void {
    this.over(this)
  }
}

export class Leases {
  readonly #byToken = new Map<string, CallRecord>()
  /** By the name and principal of the client, then by its incarnation. */
  readonly #away = new Map<string, Map<string, Holder>>()
  readonly #random: Random
  readonly #clock: Clock
  readonly #wheel: Wheel
  readonly #waitedForMs: number
  readonly #lost: (call: CallRecord) => void

  /** `lost` is told of each call whose callee has not come back in time. */
  constructor(parts: { random: Random; clock: Clock; waitedForMs: number; lost: (call: CallRecord) => void }) {
    this.#random = parts.random
    this.#clock = parts.clock
    this.#wheel = new Wheel(parts.clock)
    this.#waitedForMs = parts.waitedForMs
    this.#lost = parts.lost
  }

  mint(): string {
    let token = ''
    for (const byte of this.#random.fill(new Uint8Array(TOKEN_BYTES))) token += byte.toString(16).padStart(2, '0')
    return token
  }

  /** The call leaves, under the lease of its receipt. */
  handed(call: CallRecord): void {
    this.#byToken.set(call.receipt!.lease!.token, call)
  }

  /** The lease is void: whoever comes with it has nothing any more. */
  ended({ token, client, principal, incarnation }: Lease): void {
    const call = this.#byToken.get(token)
    if (call === undefined) return
    this.#byToken.delete(token)
    this.#forget(call, keyOf(client, principal), incarnation)
  }

  /** The callee's session is lost. The call has its lease. */
  away(call: CallRecord): void {
    const { client, principal, incarnation } = call.receipt!.lease!
    const name = keyOf(client, principal)
    let holders = this.#away.get(name)
    if (holders === undefined) this.#away.set(name, (holders = new Map()))
    let holder = holders.get(incarnation)
    if (holder === undefined) {
      holder = new Holder(name, incarnation, (over) => this.#over(over))
      holders.set(incarnation, holder)
      this.#wheel.add(holder, this.#clock.nowMs() + this.#waitedForMs)
    }
    holder.calls.add(call)
  }

  /** Calls that are away with another process of this client's name, which is dead therefore. */
  others({ name, principal, incarnation }: Session): readonly CallRecord[] {
    const holders = this.#away.get(keyOf(name, principal))
    if (holders === undefined) return []
    return [...holders.values()].flatMap((holder) => (holder.incarnation === incarnation ? [] : [...holder.calls]))
  }

  /** Calls that are away with this very process. */
  own({ name, principal, incarnation }: Session): readonly CallRecord[] {
    return [...(this.#away.get(keyOf(name, principal))?.get(incarnation)?.calls ?? [])]
  }

  /** The call of a token, where it is away with this very process. */
  returned(session: Session, token: string): CallRecord | undefined {
    const call = this.#byToken.get(token)
    if (call?.state !== 'away') return undefined
    const { client, principal, incarnation } = call.receipt!.lease!
    if (client !== session.name || principal !== session.principal || incarnation !== session.incarnation) return undefined
    this.#forget(call, keyOf(client, principal), incarnation)
    return call
  }

  /** The call of a token, where it is with this very process, and here. */
  holding(session: Session, token: string): CallRecord | undefined {
    const call = this.#byToken.get(token)
    return call !== undefined && call.state !== 'away' && call.instance?.session === session ? call : undefined
  }

  /** The receipt of the call of a token, in whosever hands it is. */
  receiptOf(token: string): Receipt | undefined {
    return this.#byToken.get(token)?.receipt
  }

  get size(): number {
    return this.#byToken.size
  }

  stop(): void {
    this.#wheel.stop()
  }

  #over({ calls }: Holder): void {
    for (const call of calls) this.#lost(call)
  }

  #forget(call: CallRecord, name: string, incarnation: string): void {
    const holders = this.#away.get(name)
    const holder = holders?.get(incarnation)
    if (holders === undefined || holder === undefined) return
    holder.calls.delete(call)
    if (holder.calls.size > 0) return
    this.#wheel.remove(holder)
    holders.delete(incarnation)
    if (holders.size === 0) this.#away.delete(name)
  }
}

export const TOKEN_BYTES = 16

function keyOf(client: string, principal: string): string {
  return `${client} ${principal}`
}

/** The tokens of a frame's body; undefined where they do not add up. */
export function readTokens(body: Uint8Array): string[] | undefined {
  if (body.byteLength % TOKEN_BYTES !== 0) return undefined
  const tokens: string[] = []
  for (let at = 0; at < body.byteLength; at += TOKEN_BYTES) {
    let token = ''
    for (let byte = at; byte < at + TOKEN_BYTES; byte++) token += body[byte]!.toString(16).padStart(2, '0')
    tokens.push(token)
  }
  return tokens
}

export function tokenBytes(token: string): Uint8Array {
  const bytes = new Uint8Array(TOKEN_BYTES)
  for (let at = 0; at < TOKEN_BYTES; at++) bytes[at] = Number.parseInt(token.slice(at * 2, at * 2 + 2), 16)
  return bytes
}
