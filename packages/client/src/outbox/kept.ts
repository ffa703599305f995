/**
 * Calls that wait in an outbox until the router has stored them: those of this process are kept before they are written, those that earlier processes of the same
 * client left are sent again, in their order and before any other. Owns what is kept and when it may be sent; how calls are written and end is not decided here.
 */
import { bodyBytes, Flag, WaybillError } from '@waybill/core'
import type { Clock, PreparedBody } from '@waybill/core'
import type { Connection } from '../connection.js'
import { KNOWN_FOR_MS, OutgoingCall, type CallOwner } from '../outgoing-call.js'
import { watchRequest, type Request } from '../request.js'
import { forgotten } from '../verdicts.js'
import type { CallOutbox, KeptCall } from './outbox.js'

/** Who owns calls. */
export interface Adopting extends CallOwner {
  /** A number for a call. */
  prepare(): number
  adopt(call: OutgoingCall): void
}

export interface KeptParts {
  readonly outbox: CallOutbox
  readonly connection: Connection
  readonly clock: Clock
  readonly outgoing: Adopting
  /** A call of an earlier process was not stored, or nobody knows; there is no promise that would say so. */
  readonly notSent: (sn: string, error: WaybillError) => void
}

/** From now on. What earlier processes left is on its way before anything else. */
export function keepIn(parts: KeptParts): Kept {
  const kept = new Kept(parts)
  kept.resume()
  return kept
}

export class Kept {
  readonly #parts: KeptParts
  /** Settled when everything that was to be sent before is on its way. */
  #before: Promise<unknown> = Promise.resolve()
  /** Those who wait for a session; undefined where there is one. */
  #waiting: (() => void)[] | undefined
  #ended = false

  constructor(parts: KeptParts) {
    this.#parts = parts
  }

  // ---- sessions

  opened(): void {
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    for (const go of waiting) go()
  }

  lost(): void {
    this.#waiting ??= []
  }

  /** The client has ended: what is kept stays. */
  end(): void {
    this.#ended = true
  }

  #session(): Promise<void> {
    return this.#waiting === undefined ? Promise.resolve() : new Promise((resolve) => this.#waiting!.push(resolve))
  }

  // ---- calls of this process

  /** Who waits for the word that it is stored waits as long as the call may. */
  patient(request: Request): Request {
    if (request.semantics !== 'stored') return request
    return { ...request, timeoutMs: Number.POSITIVE_INFINITY, deadlineMs: request.ttlMs }
  }

  /** Resolves to its fields, when it may be written. Rejects where it cannot be kept. */
  keep(call: OutgoingCall, fields: Uint8Array | Promise<Uint8Array>): Promise<Uint8Array> {
    call.isKept = true
    const { before, after } = this.#turn()
    const entry = this.#entry(call, fields)
    // Where it is written at once, what is put then is enough.
    const first = entry.then((kept) => (this.#waiting === undefined ? undefined : this.#parts.outbox.put(kept)))
    const written = this.#toBeWritten(call, entry, Promise.all([first, before]))
    written.then(after, after)
    const isStored = call.request.semantics === 'stored' ? call.live : call.live.receipt
    const remove = (): Promise<void> => Promise.allSettled([first]).then(() => this.#remove(call.sn))
    isStored.then(remove, remove).catch(() => {})
    return written
  }

  async #entry(call: OutgoingCall, fields: Uint8Array | Promise<Uint8Array>): Promise<KeptCall> {
    const { clock, connection } = this.#parts
    const { request, body, bornMs, sn } = call
    const { name: client, principal } = connection.connected!
    return {
      ...{ sn, client, principal, address: request.address.name, method: request.method.name },
      flags: request.flags | Flag.noReply,
      encoding: body.prepared.encoding,
      body: body.bytes ?? bodyBytes(body.prepared),
      untilMs: clock.wallMs() + bornMs + request.ttlMs - clock.nowMs(),
      fields: await fields,
    }
  }

  async #toBeWritten(call: OutgoingCall, entry: Promise<KeptCall>, before: Promise<unknown>): Promise<Uint8Array> {
    const kept = await entry
    try {
      await before
      await this.#session()
      if (call.state !== 'settled') await this.#parts.outbox.put({ ...kept, sent: this.#sent() })
    } catch (thrown) {
      const { message } = WaybillError.from(thrown)
      throw new WaybillError('NotStorable', `the outbox does not keep the call: ${message}`, { executed: 'no', cause: thrown })
    }
    return kept.fields
  }

  #sent(): { readonly home: string | number; readonly atMs: number } {
    return { home: this.#home, atMs: this.#parts.clock.wallMs() }
  }

  /** The store that may have what is sent now. */
  get #home(): string | number {
    const { store, epoch } = this.#parts.connection.connected!.router
    return store ?? epoch
  }

  #turn(): { readonly before: Promise<unknown>; readonly after: () => void } {
    const before = this.#before
    let after!: () => void
    this.#before = new Promise<void>((resolve) => (after = resolve))
    return { before, after }
  }

  async #remove(sn: string): Promise<void> {
    if (!this.#ended) await this.#parts.outbox.remove(sn)
  }

  // ---- calls of earlier processes

  /** Sends what they left. What cannot be loaded stays where it is. */
  resume(): void {
    const { after } = this.#turn()
    void this.#sendLeft().then(after, after)
  }

  async #sendLeft(): Promise<void> {
    const { clock, connection, outbox } = this.#parts
    const { name, principal } = connection.connected!
    // Whoever has connected listens by then.
    await new Promise<void>((resolve) => clock.timer(0, resolve))
    const left = (await outbox.load()).filter((kept) => kept.client === name && kept.principal === principal)
    for (const kept of left.toSorted((one, other) => (one.sn < other.sn ? -1 : 1))) await this.#again(kept)
  }

  async #again(kept: KeptCall): Promise<void> {
    const { clock, outbox, outgoing } = this.#parts
    await this.#session()
    if (this.#ended) return
    const { sn, sent, untilMs } = kept
    const wallMs = clock.wallMs()
    const agoMs = sent === undefined ? 0 : Math.abs(wallMs - sent.atMs)
    if (sent !== undefined && (sent.home !== this.#home || agoMs > KNOWN_FOR_MS)) return this.#give(sn, forgotten())
    if (untilMs <= wallMs) return this.#give(sn, tooLate(sent === undefined))
    if (sent === undefined) await outbox.put({ ...kept, sent: this.#sent() })
    const call = this.#callOf(kept, untilMs - wallMs)
    if (sent !== undefined) call.firstWrittenMs = clock.nowMs() - agoMs
    outgoing.adopt(call)
    call.live
      .then(
        () => this.#remove(sn),
        (error: WaybillError) => (this.#ended ? undefined : this.#give(sn, error)),
      )
      .catch(() => {})
  }

  /** Under the number that it has. */
  #callOf({ sn, address, method, flags, encoding, body, fields }: KeptCall, ttlMs: number): OutgoingCall {
    const { clock, outgoing } = this.#parts
    const named = { address: { name: address, symbol: 0 }, method: { name: method, symbol: 0 } }
    const call = new OutgoingCall({
      counter: outgoing.prepare(),
      request: { ...watchRequest, ...named, semantics: 'stored', flags, deadlineMs: ttlMs, ttlMs },
      body: { prepared: { encoding } as PreparedBody, bytes: body },
      fields,
      nowMs: clock.nowMs(),
      owner: outgoing,
    })
    call.storedAs = sn
    call.isKept = true
    return call
  }

  /** It is not sent any more. */
  async #give(sn: string, error: WaybillError): Promise<void> {
    this.#parts.notSent(sn, error)
    await this.#remove(sn)
  }
}

function tooLate(isUnsent: boolean): WaybillError {
  return new WaybillError('DeadlineExceeded', 'the call waited in the outbox for all of its ttl', { executed: isUnsent ? 'no' : 'maybe' })
}
