/**
 * All registered names that are here: each with the client that stands for it, what waits for its program, and how that is reached. Owns these, from their
 * registration, or the start of the router, to their end.
 */
import { WaybillError, type Clock, type Link, type LinkEvents, type Soon } from '@waybill/core'
import type { Principal } from '../access.js'
import type { Known } from '../admission.js'
import type { Instance, Offer, Receipt, Session } from '../model.js'
import type { Offered } from '../registry.js'
import type { Large } from './content.js'
import { INBOX, offerOf } from './inbox.js'
import { InnerClient } from './inner-client.js'
import type { PostbackIds } from './postback-ids.js'
import { Receiver, type Item } from './receiver.js'
import type { Registration } from './registrations.js'
import { Waiting } from './waiting.js'

/** One of them. */
export interface Present {
  /** What it said of itself last. */
  registration: Registration
  readonly receiver: Receiver
  readonly waiting: Waiting<Item>
}

export interface ReceiversParts {
  readonly clock: Clock
  readonly soon: Soon
  readonly ids: PostbackIds
  readonly maxBodyBytes: number
  readonly admit: (link: Link, known: Known) => LinkEvents
  readonly sessionOf: (id: string) => Session | undefined
  readonly offer: (session: Session, offers: readonly Offer[]) => readonly Offered[]
  readonly withdraw: (instance: Instance) => void
  /** The session stands and falls with the token of this digest from now on. */
  readonly presented: (session: string, digest: string | undefined) => void
  readonly receiptOf: (lease: string) => Receipt | undefined
  readonly largeOf: (receipt: Receipt) => Large | undefined
  /** The bytes of the outcome that a principal is told of, where they are not in the frame. */
  readonly largeOutcome: (principal: Principal, sn: string) => Large | undefined
  /** It has an address: what came for it is to be posted there. */
  readonly post: (present: Present, item: Item) => void
  /** The parcel of this id is answered, or its receiver has it no more. */
  readonly over: (id: string) => void
  /** It is here no more: somebody has taken its name, or its principal was shut out. */
  readonly ended: (name: string, code: string) => void
}

export class Receivers {
  readonly #parts: ReceiversParts
  readonly #present = new Map<string, Present>()

  constructor(parts: ReceiversParts) {
    this.#parts = parts
  }

  get size(): number {
    return this.#present.size
  }

  find(name: string): Present | undefined {
    return this.#present.get(name)
  }

  /** The one whose client has this session. */
  ofSession({ name, id }: Session): Present | undefined {
    const present = this.#present.get(name)
    return present?.receiver.client.session === id ? present : undefined
  }

  /** `received`: what it had acknowledged and not answered before this start. Throws what a client of that name is refused with. */
  open(registration: Registration, received: readonly Receipt[]): Present {
    const { name, principal, digest, incarnation, concurrency } = registration
    const { clock, soon, ids, maxBodyBytes, admit, receiptOf, largeOf, over } = this.#parts
    const waiting = new Waiting<Item>(clock)
    const receiver = new Receiver({
      ids,
      maxBodyBytes,
      receiptOf,
      largeOf,
      came: (item) => this.#came(name, item),
      gone: (id) => void waiting.remove(id),
      over,
    })
    const events = { frame: receiver.frame.bind(receiver), ended: (code: string) => this.#ended(name, code) }
    const client = new InnerClient({ admit, soon, name, incarnation, known: { principal, digest }, events })
    const present: Present = { registration, receiver, waiting }
    this.#present.set(name, present)
    receiver.begin(client, received)
    try {
      this.#offer(receiver, concurrency)
    } catch (thrown) {
      this.close(name)
      throw thrown
    }
    return present
  }

  #offer(receiver: Receiver, concurrency: number): void {
    const session = this.#parts.sessionOf(receiver.client.session)
    if (session === undefined) throw new WaybillError('Closed', 'the router is closing', { executed: 'no' })
    const before = [...session.instances]
    const [offered] = this.#parts.offer(session, [offerOf(INBOX, concurrency)])
    receiver.offered(offered!.methods[0]!)
    for (const instance of before) this.#parts.withdraw(instance)
  }

  /** The same receiver says other things of itself. */
  changed(registration: Registration): void {
    const present = this.#present.get(registration.name)
    if (present === undefined) return
    const { receiver, waiting, registration: before } = present
    present.registration = registration
    this.#parts.presented(receiver.client.session, registration.digest)
    if (registration.concurrency !== before.concurrency) this.#offer(receiver, registration.concurrency)
    if (registration.address !== undefined) for (const item of waiting.drain()) this.#parts.post(present, item)
  }

  /** It leaves in order. What it has not acknowledged goes back to the router. */
  close(name: string): void {
    const present = this.#present.get(name)
    if (present === undefined) return
    this.#present.delete(name)
    present.waiting.close()
    present.receiver.client.close()
    present.receiver.end()
  }

  /** With the router, which ends their sessions by itself. */
  stop(): void {
    for (const { waiting } of this.#present.values()) waiting.close()
    this.#present.clear()
  }

  #came(name: string, came: Item): void {
    const present = this.#present.get(name)
    if (present === undefined) return
    const { principal, address } = present.registration
    const large = came.kind === 'result' ? this.#parts.largeOutcome(principal, came.sn) : undefined
    const item = large === undefined ? came : { ...came, large }
    if (address === undefined) present.waiting.add(item)
    else this.#parts.post(present, item)
  }

  #ended(name: string, code: string): void {
    const present = this.#present.get(name)
    if (present === undefined) return
    this.#present.delete(name)
    present.waiting.close()
    present.receiver.end()
    this.#parts.ended(name, code)
  }
}
