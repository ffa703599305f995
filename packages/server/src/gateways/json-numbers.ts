/**
 * The numbers of the JSON door on both sides: packets toward the router, messages toward the client, and what each acknowledgement of one side means
 * to the other. A message is acknowledged when the router has acknowledged the packet that it went into, so the credit of the one is that of the
 * other. Knows neither side.
 */
import { after, ahead } from '@waybill/core'
import { wrong } from './json-messages.js'

interface Pair {
  /** Of a message. */
  readonly n: number
  /** Of a packet. */
  readonly sequence: number
}

export class Numbers {
  /** The last packet that was sent to the router, and the last of the router's own that it is told of. */
  sent = 0
  told = 0
  /** The last message that was said to the client, and the last of the client's own that it is to be told of. */
  said = 0
  acked = 0

  #received = 0
  #routerHas = 0
  #heard = 0
  #clientHas = 0
  #passed: Pair[] = []
  #given: Pair[] = []
  /** Who waits until the client has what was said up to then. */
  #waiting: { readonly n: number; readonly tell: () => void }[] = []

  /** A message of the client: its numbers have no gap. Without a number it is acknowledged to nobody. */
  heard(n: number | undefined): void {
    if (n === undefined) return
    if (n !== this.#heard + 1) throw wrong('n', `the next number, ${this.#heard + 1}`)
    this.#heard = n
  }

  /** What was heard so far is in the packets up to this one. */
  passed(sequence: number): void {
    const last = this.#passed.at(-1)
    if (this.#heard > (last?.n ?? this.acked)) this.#passed.push({ n: this.#heard, sequence })
    this.#settle()
  }

  routerHas(sequence: number): void {
    this.#routerHas = sequence
    this.#settle()
  }

  /** A packet of the router; all that it says has been said. */
  received(sequence: number): void {
    this.#received = sequence
    this.#given.push({ n: this.said, sequence })
  }

  /** Calls back once the client has what was said so far. */
  whenTaken(tell: () => void): void {
    this.#waiting.push({ n: this.said, tell })
  }

  /** The client has all that was said. */
  allTaken(): void {
    this.told = this.#received
    this.#given.length = 0
    for (const { tell } of this.#waiting.splice(0)) tell()
  }

  /** The client says up to where it has what was said. */
  taken(n: number | undefined): void {
    if (n !== undefined && n > this.said) throw wrong('ack', `one of what was said, up to ${this.said}`)
    if (n !== undefined && n > this.#clientHas) this.#clientHas = n
    let count = 0
    for (const { n: needed, sequence } of this.#given) {
      if (needed > this.#clientHas) break
      this.told = sequence
      count++
    }
    if (count > 0) this.#given.splice(0, count)
    count = this.#waiting.findIndex(({ n: needed }) => needed > this.#clientHas)
    for (const { tell } of this.#waiting.splice(0, count < 0 ? this.#waiting.length : count)) tell()
  }

  nextSent(): number {
    this.sent = after(this.sent)
    return this.sent
  }

  #settle(): void {
    let count = 0
    for (const { n, sequence } of this.#passed) {
      if (ahead(sequence, this.#routerHas) > 0) break
      this.acked = n
      count++
    }
    if (count > 0) this.#passed.splice(0, count)
  }
}
