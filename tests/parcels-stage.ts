/** Parcels on virtual time: a router whose store is on paper, and what its doors would ask of it for whoever has no connection. */
import type { Client, ConnectOptions } from '@waybill/client'
import { harness, Paper, type Harness, type HarnessOptions } from '@waybill/testkit'
import type { ReceiptInfo } from '@waybill/core'
import type { Dispatch, Item, Registering } from '../packages/server/src/parcels/index.js'

export interface ParcelStageOptions {
  readonly router?: HarnessOptions['router']
  /** How long it takes until something is safe. */
  readonly writeMs?: number
}

type Principal = { readonly principal?: string }

export class ParcelStage implements AsyncDisposable {
  readonly h: Harness
  readonly #sent: { readonly principal: string; readonly sn: string }[] = []
  readonly #principals = new Set<string>()

  constructor({ router, writeMs = 1 }: ParcelStageOptions) {
    this.h = harness({ paper: new Paper({ writeMs }), ...(router !== undefined && { router }) })
  }

  get parcels(): Harness['router']['parcels'] {
    return this.h.router.parcels
  }

  client(name: string, options?: Omit<ConnectOptions, 'name' | 'transport' | 'ports'>): Promise<Client> {
    return this.h.client(name, options)
  }

  async register(
    name: string,
    { principal = 'local', ...more }: Partial<Registering> & Principal & { digest?: string } = {},
  ): Promise<void> {
    this.#principals.add(principal)
    const { digest, ...said } = more
    await this.h.until(this.parcels.register({ principal, digest }, { name, fields: {}, ...said }))
  }

  unregister(name: string, principal = 'local'): Promise<void> {
    return this.h.until(this.parcels.unregister(principal, name))
  }

  /** Its serial number. */
  async dispatch(to: string, text = 'WUFF', { principal = 'local', ...more }: Omit<Dispatch, 'to'> & Principal = {}): Promise<string> {
    const { receipt } = await this.h.until(this.parcels.dispatch(principal, { to, ...more }, contentOf(text)))
    this.#sent.push({ principal, sn: receipt.sn })
    return receipt.sn
  }

  /** What is there once all that was said is safe. `wait` and `lease` in milliseconds. */
  async poll(
    name: string,
    { principal = 'local', wait = 0, lease = 30_000 }: Principal & { wait?: number; lease?: number } = {},
  ): Promise<Item | undefined> {
    await this.h.advance(20)
    return await this.h.until(this.parcels.receive(principal, name, wait, lease, new AbortController().signal))
  }

  async pollText(name: string, principal = 'local'): Promise<string | undefined> {
    const item = await this.poll(name, { principal })
    return item && textOf(item)
  }

  received(id: string, alias?: string, principal: string | undefined = 'local'): Promise<void> {
    return this.h.until(this.parcels.received(principal, id, alias))
  }

  postback(id: string, text = 'done', principal: string | undefined = 'local'): Promise<void> {
    return this.h.until(this.parcels.postback(principal, id, contentOf(text)))
  }

  receipt(sn: string, principal = 'local'): Promise<ReceiptInfo> {
    return this.h.until(this.parcels.outcomes.receipt(principal, sn, 0, new AbortController().signal))
  }

  async state(sn: string, principal = 'local'): Promise<string> {
    return (await this.receipt(sn, principal)).state
  }

  /** The text of the result, or the code of what went wrong. */
  async outcome(sn: string, principal = 'local'): Promise<string | undefined> {
    const outcome = await this.h.until(this.parcels.outcomes.outcome(principal, sn))
    return outcome && (outcome.content === undefined ? outcome.failure.code : Buffer.from(outcome.content.bytes).toString())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { principal, sn } of this.#sent) await this.h.until(this.parcels.outcomes.cancel(principal, sn).catch(() => {}))
    for (const principal of this.#principals)
      for (const { name } of this.parcels.registered(principal)) await this.unregister(name, principal)
    await this.h[Symbol.asyncDispose]()
  }
}

/** `await using s = parcelStage()` */
export function parcelStage(options: ParcelStageOptions = {}): ParcelStage {
  return new ParcelStage(options)
}

export function contentOf(text: string): { head: Record<string, string>; bytes: Uint8Array } {
  return { head: { 'content-type': 'text/plain' }, bytes: Buffer.from(text) }
}

export function textOf({ bytes }: Pick<Item, 'bytes'>): string {
  return Buffer.from(bytes).toString()
}
