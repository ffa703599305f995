/**
 * Parcels that go to several: each is a stored call to the router itself, which sends one on to each name that an edge leads to, and answers when all of these
 * have ended. The router is a receiver like those of registered names, so that what it has begun goes on at a later start. Owns which parcels are whose.
 */
import { WaybillError, type Soon } from '@waybill/core'
import { ROUTER_CLIENT } from '../../access.js'
import type { Offer, Receipt } from '../../model.js'
import type { Content, Large } from '../content.js'
import { offerOf } from '../inbox.js'
import type { InnerClient, InnerEvents } from '../inner-client.js'
import type { PostbackIds } from '../postback-ids.js'
import { Receiver, type Item } from '../receiver.js'

/** The service that takes such a parcel, which nobody else may offer; and the client that does. */
export const GRAPH = 'waybill.Graph'
export const GRAPH_CLIENT = ROUTER_CLIENT

export interface FanningParts {
  readonly soon: Soon
  readonly ids: PostbackIds
  readonly maxBodyBytes: number
  /** A client in the router's own process, of its own principal. */
  readonly connect: (name: string, incarnation: string, events: InnerEvents) => InnerClient
  /** The number of the service's one method. */
  readonly offer: (client: InnerClient, offer: Offer) => number
  readonly receiptOf: (lease: string) => Receipt | undefined
  readonly largeOf: (receipt: Receipt) => Large | undefined
  readonly byOrdinal: (ordinal: number) => Receipt | undefined
  readonly live: () => Iterable<Receipt>
  /** To whom it goes on. */
  readonly successors: (parent: Receipt) => readonly string[]
  /** Sends it on, once: the same again for the same parent and name. Throws what a parcel is refused with. */
  readonly sendOn: (parent: Receipt, to: string, content: Content) => Receipt
  readonly cancel: (child: Receipt) => void
  /** Calls back once, when it has its outcome. */
  readonly whenEnded: (receipt: Receipt, then: () => void) => void
  readonly whenSafe: (safe: () => void) => void
}

/** Parcels that it has at once; the others wait. */
const CONCURRENCY = 1024
/** What stands for the router is the same over all its starts. */
const INCARNATION = '0'.repeat(20)

interface Family {
  readonly parent: Receipt
  /** By the name that it was sent on to. */
  readonly children: Map<string, Receipt>
}

export class Fanning {
  readonly #parts: FanningParts
  readonly #receiver: Receiver
  /** By the id of the parent's postback; and that by the serial number of each child. */
  readonly #families = new Map<string, Family>()
  /** Until it is told that the child has ended. */
  readonly #parents = new Map<string, string>()
  /** Parents that have not ended. */
  readonly #awaited = new Set<Receipt>()
  #client: InnerClient | undefined

  constructor(parts: FanningParts) {
    this.#parts = parts
    const { ids, maxBodyBytes, receiptOf, largeOf } = parts
    this.#receiver = new Receiver({
      ids,
      maxBodyBytes,
      receiptOf,
      largeOf,
      came: (item) => this.#came(item),
      gone: (id) => this.#gone(id),
      returned: (id) => this.#join(id),
    })
  }

  /** What an earlier start has begun goes on. */
  begin(): void {
    const own: Receipt[] = []
    const children: Receipt[] = []
    for (const receipt of this.#parts.live()) {
      if (receipt.terms.parent !== undefined) children.push(receipt)
      if (receipt.terms.service === GRAPH && receipt.endedMs === undefined) own.push(receipt)
    }
    const bySn = new Map(own.map((parent) => [parent.sn, parent]))
    for (const child of children) this.#adopt(bySn.get(child.terms.parent!), child)
    for (const parent of own) this.#await(parent)
    if (this.#awaited.size + this.#parents.size > 0)
      this.#open(own.filter(({ state, lease }) => lease !== undefined && state === 'started'))
  }

  /** A parcel is on its way that goes to several. */
  expect(parent: Receipt): void {
    this.#await(parent)
    this.#open([])
  }

  #await(parent: Receipt): void {
    this.#awaited.add(parent)
    this.#parts.whenEnded(parent, () => {
      this.#awaited.delete(parent)
      this.#rest()
    })
  }

  #open(received: readonly Receipt[]): void {
    if (this.#client !== undefined) return
    const client = this.#parts.connect(GRAPH_CLIENT, INCARNATION, {
      frame: (frame) => this.#receiver.frame(frame),
      ended: () => void (this.#client = undefined),
    })
    this.#client = client
    this.#receiver.begin(client, received)
    this.#receiver.offered(this.#parts.offer(client, offerOf(GRAPH, CONCURRENCY)))
  }

  /** Where nothing is left to do, nobody is there. */
  #rest(): void {
    this.#parts.soon.afterInput(() => {
      if (this.#awaited.size + this.#parents.size > 0) return
      this.#client?.close()
      this.#client = undefined
    })
  }

  #came(item: Item): void {
    if (item.kind === 'parcel') return this.#fan(item)
    const id = this.#parents.get(item.sn)
    this.#parents.delete(item.sn)
    this.#parts.soon.onTick(() => {
      this.#receiver.taken(item.sn)
      this.#rest()
    })
    if (id !== undefined) this.#join(id)
  }

  #fan(item: Item): void {
    const { ids, byOrdinal, successors, sendOn, whenSafe } = this.#parts
    const parent = byOrdinal(ids.read(item.id)!)
    if (parent === undefined) return
    try {
      for (const to of successors(parent)) this.#adopt(parent, sendOn(parent, to, item))
    } catch (thrown) {
      const error = WaybillError.from(thrown, 'no')
      this.#gone(item.id)
      return this.#parts.soon.onTick(() => this.#receiver.refused(item.id, error))
    }
    whenSafe(() =>
      this.#parts.soon.onTick(() => {
        this.#receiver.received(item.id)
        this.#join(item.id)
      }),
    )
  }

  /** Of a parent that has ended a child is only told. */
  #adopt(parent: Receipt | undefined, child: Receipt): void {
    const id = parent === undefined ? '' : this.#parts.ids.of(parent.ordinal)
    if (child.endedMs === undefined || child.isOwed) this.#parents.set(child.sn, id)
    if (parent === undefined) return
    let family = this.#families.get(id)
    if (family === undefined) this.#families.set(id, (family = { parent, children: new Map() }))
    family.children.set(nameOf(child), child)
  }

  /** All have ended, and it is known whom to tell. */
  #join(id: string): void {
    const family = this.#families.get(id)
    if (family === undefined || !this.#receiver.has(id)) return
    const children = [...family.children]
    if (children.some(([, child]) => !child.hasEnded)) return
    this.#families.delete(id)
    const ended = children.map(([to, { sn, state }]) => ({ to, receipt_id: sn, state }))
    const bytes = new TextEncoder().encode(JSON.stringify(ended))
    this.#parts.soon.onTick(() => this.#receiver.succeeded(id, { head: { 'content-type': 'application/json' }, bytes }))
  }

  /** Nobody wants it any more. */
  #gone(id: string): void {
    const children = this.#families.get(id)?.children.values() ?? []
    this.#families.delete(id)
    for (const child of children) this.#parts.cancel(child)
  }
}

function nameOf({ terms: { address } }: Receipt): string {
  return address.slice(0, address.indexOf('/'))
}
