/** The memory gateway: links inside one process, for a client beside its router. Packets are copied, as a receiver may change them. */
import { WaybillError, type Link, type LinkEnd, type LinkEvents, type Soon, type Transport } from '@waybill/core'
import type { Entrance } from '../entrance.js'

export function memoryTransport(entrance: Entrance, soon: Soon): Transport {
  return {
    open: (_url, events, signal) => {
      if (signal.aborted) return Promise.reject(new WaybillError('RouterUnreachable', 'the connection was given up'))
      const client = new End(soon)
      const router = new End(soon)
      client.join(router)
      router.join(client)
      client.tell(events)
      // The router may refuse it, and say so, before it has returned.
      router.tell(entrance.admit(router))
      return Promise.resolve(client)
    },
  }
}

type Letter = { readonly packet: Uint8Array } | { readonly end: LinkEnd }

/** One end of the pair. What arrives while it is paused waits in its inbox. */
class End implements Link {
  readonly bufferedBytes = 0
  readonly #soon: Soon
  #peer!: End
  #events!: LinkEvents
  #inbox: Letter[] = []
  #paused = false
  #ended = false
  #scheduled = false

  constructor(soon: Soon) {
    this.#soon = soon
  }

  join(peer: End): void {
    this.#peer = peer
  }

  /** Before the turn of the loop is over. */
  tell(events: LinkEvents): void {
    this.#events = events
  }

  send(packet: Uint8Array): void {
    if (!this.#ended) this.#peer.#receive({ packet: packet.slice() })
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#schedule()
  }

  end(code: number, reason: string): void {
    if (this.#ended) return
    this.#peer.#receive({ end: { code, reason } })
    this.#receive({ end: { code, reason } })
  }

  terminate(): void {
    this.end(1006, 'terminated')
  }

  #receive(letter: Letter): void {
    this.#inbox.push(letter)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled || this.#paused || this.#inbox.length === 0) return
    this.#scheduled = true
    this.#soon.afterInput(() => {
      this.#scheduled = false
      while (!this.#paused && !this.#ended) {
        const letter = this.#inbox.shift()
        if (letter === undefined) return
        if ('packet' in letter) {
          this.#events.packet(letter.packet)
        } else {
          this.#ended = true
          this.#inbox = []
          this.#events.ended(letter.end)
        }
      }
    })
  }
}
