/** What a method in a process of its own does once: asks its parent whether to, does it, and gives what is recorded. Owns the questions. */
import { WaybillError } from '@waybill/core'
import type { CurrentCall } from '@waybill/core'
import type { FromChild, Packed, ToChild } from './messages.js'

interface Deed {
  readonly run: () => unknown
  readonly resolve: (value: unknown) => void
  readonly reject: (thrown: unknown) => void
  /** What it threw here. */
  thrown?: unknown
}

type Answer = Extract<ToChild, { readonly asked: number }>

export class Deeds {
  readonly #deeds = new Map<number, Deed>()
  readonly #say: (message: FromChild) => void
  readonly #pack: (value: unknown) => Packed
  readonly #unpack: (value: Packed) => unknown
  #asked = 0

  constructor(parts: { say: (message: FromChild) => void; pack: (value: unknown) => Packed; unpack: (value: Packed) => unknown }) {
    this.#say = parts.say
    this.#pack = parts.pack
    this.#unpack = parts.unpack
  }

  readonly once: CurrentCall['once'] = <T>(key: string, run: () => T | PromiseLike<T>) =>
    new Promise<unknown>((resolve, reject) => {
      const asked = ++this.#asked
      this.#deeds.set(asked, { run, resolve, reject })
      this.#say({ kind: 'once', asked, key })
    }) as Promise<T>

  heard(message: Answer): void {
    const deed = this.#deeds.get(message.asked)
    if (deed === undefined) return
    if (message.kind === 'doIt') return void this.#do(message.asked, deed)
    this.#deeds.delete(message.asked)
    if (message.kind === 'recorded') deed.resolve(this.#unpack(message.value))
    else deed.reject('thrown' in deed ? deed.thrown : new WaybillError(message.code, message.message))
  }

  async #do(asked: number, deed: Deed): Promise<void> {
    try {
      this.#say({ kind: 'ran', asked, value: this.#pack(await deed.run()) })
    } catch (thrown) {
      deed.thrown = thrown
      this.#say({ kind: 'failed', asked })
    }
  }
}
