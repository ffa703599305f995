/**
 * What a router knows: sessions, the instances that they offer, the routes that callers use, and the calls between them. Only shapes and how
 * they point at each other; who changes what is said at each field.
 */
import { Ring, Timed } from '@waybill/core'
import type { Address, RouterSessionState, RouterState } from '@waybill/core'
import type { Principal } from './access.js'
import type { Channel } from './channel.js'

/** One client process, over all its links. Owned by `Sessions`. */
export class Session {
  state: RouterSessionState = 'open'
  /** As caller: its calls that have not ended. Owned by `Calls`. */
  readonly calls = new Ring<CallRecord>()
  /** As callee: what it offers. Owned by `Registry`. */
  readonly instances = new Set<Instance>()
  /** Calls handed to any of them that have not ended. Owned by `Calls`. */
  handling = 0
  /** As caller: the sessions that were told what its symbol stands for. Owned by `Calls`. */
  readonly introducedTo = new Set<Session>()
  /** As callee: the sessions that it was told of. Owned by `Calls`. */
  readonly knows = new Set<Session>()
  /** It was resumed and nothing has come since, so it may not know its new secret. Owned by `Sessions`. */
  unconfirmed = false
  /** Addresses that a symbol was minted for on its behalf. */
  mintedAddresses = 0
  /** Its subscriptions: pattern by number. Owned by `Events`. */
  readonly subscriptions = new Map<number, string>()
  /** The events that it was too slow for, until it is told. Owned by `Events`. */
  missed: Missed | undefined
  /** The last event that was found to be for it. Owned by `Events`. */
  eventSeen = 0
  /** That it came was published. Owned by `Presence`. */
  announced = false

  constructor(
    readonly symbol: number,
    readonly id: string,
    readonly name: string,
    readonly principal: Principal,
    readonly incarnation: string,
    readonly labels: Readonly<Record<string, string>>,
    readonly channel: Channel,
    readonly connectedMs: number,
  ) {}
}

/** How many events a client did not get, and the first and last of their numbers. */
export interface Missed {
  missed: number
  readonly from: number
  to: number
}

/** What a client says of a service that it offers. */
export interface Offer {
  readonly service: string
  /** Exact, `1.2.0`. */
  readonly version: string
  readonly labels: Readonly<Record<string, string>>
  /** Calls that the instance takes at once. */
  readonly concurrency: number
  readonly methods: readonly string[]
  /** Those of them that may run more than once for one call. */
  readonly idempotent: ReadonlySet<string>
  /** Each caller stays with one instance, which keeps an object for it. */
  readonly perCaller: boolean
}

/** One service at one client. Owned by `Registry`; `inFlight` by `Calls`. */
export class Instance {
  symbol = 0
  /** False as soon as it is taken back; calls that it has go on. */
  offered = true
  inFlight = 0

  constructor(
    readonly session: Session,
    readonly service: Service,
    readonly offer: Offer,
  ) {}
}

/** All that is offered under one name. Owned by `Registry`. */
export interface Service {
  readonly name: string
  readonly instances: Instance[]
  /** Changes whenever `instances` does. */
  stamp: number
}

/** An address that callers use. `candidates` is derived and made anew when its service changes. Owned by `Routes`. */
export interface Route {
  readonly text: string
  readonly address: Address
  symbol: number
  service: Service | undefined
  stamp: number
  candidates: readonly Instance[]
  /** Round robin. */
  cursor: number
  /** Grows with each use, to find what is unused for longest. */
  used: number
}

/** One call between its caller and its callee. Owned by `Calls`. */
export class CallRecord extends Timed {
  state: RouterState = 'received'
  instance: Instance | undefined
  /** Packets that its instance's channel had sent when the call was given to it: while that is all, the call has not left. */
  handedAfter = 0
  /** A cancel has been passed on; further ones are dropped. */
  cancelled = false
  /** The last chunk of its request has not arrived yet. */
  incomplete = false
  /** Its outcome has begun and goes on in chunks. */
  answering = false
  /** Of all the pieces of its body that have arrived. */
  bodyBytes = 0
  /** The extension field of the caller's own data. */
  data: Uint8Array | undefined
  /** Its frames, while the router holds it. */
  held: Uint8Array[] | undefined
  heldBytes = 0

  constructor(
    readonly caller: Session,
    readonly number: number,
    readonly route: Route,
    readonly expire: (call: CallRecord) => void,
  ) {
    super()
  }

  override due(): void {
    this.expire(this)
  }
}
