/**
 * One attempt to reach the router: opens a link, introduces the client, and takes the router's word. Ends in exactly one of `welcomed` and
 * `failed`; a link that was welcomed goes on to report its packets and its end. Knows nothing of sessions.
 */
import { readConnected, WaybillError, writeOpening } from '@waybill/core'
import type { Connected, Introduction, Link, Ports, Timer, Transport } from '@waybill/core'

export interface Door {
  readonly url: string
  readonly transport: Transport
  readonly ports: Ports
  /** How long an attempt may take. */
  readonly attemptMs: number
}

export interface AttemptEvents {
  /** Called in the turn in which the router's word arrived, as the packets that follow it may arrive in the same turn. */
  welcomed(link: Link, connected: Connected): void
  failed(error: WaybillError): void
  packet(packet: Uint8Array, link: Link): void
  ended(link: Link): void
}

type AttemptState = 'opening' | 'introduced' | 'welcomed' | 'over'

export class Attempt {
  readonly #door: Door
  readonly #events: AttemptEvents
  readonly #giveUp = new AbortController()
  readonly #timer: Timer
  #state: AttemptState = 'opening'
  #link: Link | undefined

  constructor(door: Door, introduction: Introduction, events: AttemptEvents) {
    this.#door = door
    this.#events = events
    this.#timer = door.ports.clock.timer(door.attemptMs, () => this.abort('it did not answer in time'))
    void this.#open(introduction)
  }

  /** `failed` follows at once, unless the attempt is over. */
  abort(reason: string): void {
    this.#fail(new WaybillError('RouterUnreachable', `no router at ${this.#door.url}: ${reason}`))
  }

  async #open(introduction: Introduction): Promise<void> {
    const { transport, url } = this.#door
    const events = { packet: (packet: Uint8Array) => this.#packet(packet), ended: ({ reason }: { reason: string }) => this.#ended(reason) }
    try {
      const link = await transport.open(url, events, this.#giveUp.signal)
      if (this.#state === 'over') return link.terminate()
      this.#link = link
      this.#state = 'introduced'
      link.send(writeOpening(introduction))
    } catch (thrown) {
      this.#fail(WaybillError.from(thrown, 'no'))
    }
  }

  #packet(packet: Uint8Array): void {
    if (this.#state === 'welcomed') return this.#events.packet(packet, this.#link!)
    if (this.#state !== 'introduced') return
    let connected: Connected
    try {
      connected = readConnected(packet)
    } catch (thrown) {
      return this.#fail(WaybillError.from(thrown, 'no'))
    }
    this.#state = 'welcomed'
    this.#timer.cancel()
    this.#events.welcomed(this.#link!, connected)
  }

  #ended(reason: string): void {
    if (this.#state === 'welcomed') this.#events.ended(this.#link!)
    else this.abort(`it closed the connection${reason === '' ? '' : ` (${reason})`}`)
  }

  #fail(error: WaybillError): void {
    if (this.#state === 'welcomed' || this.#state === 'over') return
    this.#state = 'over'
    this.#timer.cancel()
    this.#giveUp.abort()
    this.#link?.terminate()
    this.#events.failed(error)
  }
}
