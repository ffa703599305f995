/**
 * What a router knows: sessions, the instances that they offer, the routes that callers use, and the calls between them. Only shapes and how
 * they point at each other; who changes what is said at each field.
 */
import { Ring, routerHolder, Timed } from '@waybill/core'
import type { Address, CallSpan, ReceiptState, RouterSessionState, RouterState } from '@waybill/core'
import type { Principal } from './access.js'
import type { Channel } from './channel.js'
import type { Place } from './journal/journal.js'
import type { CallTerms } from './terms.js'

/** One client process, over all its links. Owned by `Sessions`. */
export class Session {
  state: RouterSessionState = 'open'
  /** As caller: its calls that have not ended. Those that need no caller stay when it has left. Owned by `Calls`. */
  readonly calls = new Ring<CallRecord>()
  /** Those of them that are stored. Owned by `Receipts`. */
  storedCalls = 0
  /** Of what the others say beside their arguments, which is kept until they end. Owned by `Calls`. */
  termsBytes = 0
  /** The receipts that it is told about, by the numbers that it gave them. Owned by `Receipts`. */
  readonly watches = new Map<number, Watcher>()
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
  /** Of the events that it was given, those that it may not have taken yet. Owned by `Events`. */
  eventBytes = 0
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
    /** As callee: it keeps stored calls over the end of its session, and comes back with them. */
    readonly keepsLeases = false,
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

/** What an instance without a declared concurrency is taken for when it is compared. */
const PLACES = 64

/** One service at one client. Owned by `Registry`; `inFlight` by `Calls`. */
export class Instance {
  symbol = 0
  /** False as soon as it is taken back; calls that it has go on. */
  offered = true
  inFlight = 0
  /** Those of them that are stored. */
  leased = 0
  /** Calls that it was ever given. Owned by `Delivery`. */
  given = 0
  /** How many calls it is good for, compared with others. */
  readonly places: number
  /** The way to this one alone, once somebody has used its symbol as an address. Owned by `Routes`; it ends with the instance. */
  route: Route | undefined

  constructor(
    readonly session: Session,
    readonly service: Service,
    readonly offer: Offer,
    /** Of what stays the same when its process comes back. */
    readonly hash: number,
  ) {
    this.places = Math.min(offer.concurrency, PLACES)
  }
}

/** All that is offered under one name. Owned by `Registry`. */
export interface Service {
  readonly name: string
  readonly instances: Instance[]
  /** Changes whenever `instances` does. */
  stamp: number
}

/** An address that callers use, or one instance. `candidates` is derived and made anew when its service changes. Owned by `Routes`. */
export interface Route {
  readonly text: string
  /** Where those of its stored calls wait that ask for nothing special. */
  readonly plainLane: string
  readonly address: Address
  symbol: number
  service: Service | undefined
  stamp: number
  candidates: readonly Instance[]
  /** Some candidate wants each caller to stay with it. */
  perCaller: boolean
  /** The one instance that is meant, where its symbol was the address. */
  readonly only?: Instance
  /** Whose turn it is. */
  cursor: number
  /** Grows with each use, to find what is unused for longest. */
  used: number
}

/** One call between its caller and its callee. Owned by `Calls`. */
export class CallRecord extends Timed {
  state: RouterState = 'received'
  instance: Instance | undefined
  /** It is counted as a stored one there. */
  isLeased = false
  /** Packets that its instance's channel had sent when the call was given to it: while that is all, the call has not left. */
  handedAfter = 0
  /** A cancel has been passed on; further ones are dropped. */
  cancelled = false
  /** The last chunk of its request has not arrived yet. */
  incomplete = false
  /** Its outcome has begun and goes on in chunks. */
  answering = false
  /** Its result is open, and streams of it go on. */
  isOpen = false
  /** Of all the pieces of its body that have arrived. */
  bodyBytes = 0
  /** Nobody is told of it any more, or ever was: it is only waited for. */
  silent = false
  /** Where what becomes of it is kept, once it is stored. */
  receipt: Receipt | undefined
  /** Of what it says beside its arguments; 0 once that is counted with its receipt. */
  termsBytes = 0
  /** The name of its method, where it has one; of a stored call also who the client was that is to be told of it. */
  method: string | undefined
  told: Principal | undefined
  /** How often its callees gave it back. */
  givenBack = 0
  /** The call during which it was made, while that one was pending. */
  during: CallRecord | undefined
  /** Where somebody traces. */
  span: CallSpan | undefined
  /** When it arrived, where that is measured. */
  beganMs = 0
  /** When it ends if nobody has taken it by then, and when it ends in any case. */
  waitUntilMs = 0
  deadlineMs = 0
  /** The instance that it waits for, where another one will not do. */
  bound: Instance | undefined
  /** Its frames, while the router holds it; its place among those that are; the lane in which it waits for room. */
  held: Uint8Array[] | undefined
  heldBytes = 0
  /** Its frames are stored instead. */
  heldStored = false
  arrival = 0
  lane: string | undefined

  constructor(
    readonly caller: Session,
    readonly number: number,
    public route: Route,
    public terms: CallTerms | undefined,
    readonly expire: (call: CallRecord) => void,
  ) {
    super()
  }

  /** It has not left the router: nobody can have begun it, unless somebody had it before. */
  get isHere(): boolean {
    return routerHolder(this.state) === 'router'
  }

  /** Whether somebody who answers it is told in words that its caller hears. */
  get isHeardOf(): boolean {
    return !this.silent && this.receipt === undefined
  }

  override due(): void {
    this.expire(this)
  }
}

/** What was said of a stored call: a frame without its addressees. */
export interface Word {
  readonly type: number
  readonly flags: number
  readonly encoding: number
  readonly body: Uint8Array
}

/** Who is told what becomes of a stored call, under which number. */
export interface Watcher {
  readonly session: Session
  readonly number: number
  readonly receipt: Receipt
}

/** What a stored call asked for: what of it never changes, and is needed to go on with it at a later start. */
export interface StoredTerms {
  readonly sn: string
  readonly principal: Principal
  /** The client that made the call, and the one process of it. */
  readonly client: string
  readonly address: string
  readonly service: string
  readonly method: string
  readonly storedMs: number
  /** By the wall clock: when it ends if nobody has taken it, and when it ends in any case. */
  readonly waitUntilMs: number
  readonly deadlineMs: number
  /** The caller's own data, as JSON. */
  readonly data?: string | undefined
  /** The client that is told without having asked, and whose it was then. */
  readonly replyto?: string | undefined
  readonly told?: Principal | undefined
  readonly orderKey?: string | undefined
  readonly sticky?: string | undefined
  readonly isInTurn?: boolean | undefined
  /** What its caller knows it by, and the digest of what it said then. */
  readonly key?: string | undefined
  readonly digest?: string | undefined
  /** The dead letter that it is another try of. */
  readonly redriveOf?: string | undefined
  /** The parcel that it was sent on for, and how often that has happened. */
  readonly parent?: string | undefined
  readonly hops?: number | undefined
  /** What of its body has a record of its own: there as long as its request is. */
  readonly body?: Place | undefined
}

/** One handing over of a stored call: to whom, so that it is known again when it comes back with it. */
export interface Lease {
  /** 32 hexadecimal digits. */
  readonly token: string
  readonly client: string
  readonly principal: Principal
  readonly incarnation: string
  readonly version: string
  /** The method may run more than once. */
  readonly idempotent: boolean
  /** The callee keeps calls over the end of its session. */
  readonly keeps: boolean
}

/** A step in the life of a stored call, and when by the wall clock; of the handing over, to whom. */
export type Step = readonly [step: ReceiptState | 'back', atMs: number, callee?: string]

/** Why a stored call ended, where that is the word of the router or a refusal. */
export interface Cause {
  readonly code: string
  readonly message: string
}

/** A value that a callee has recorded, as its bytes came. */
export interface Note {
  readonly encoding: number
  place: Place
}

/** Shared, as most have nothing most of the time. */
export const NO_WORDS = Object.freeze([]) as readonly Word[] as Word[]
const NO_STEPS: readonly Step[] = []
const MAX_STEPS = 64

/** A stored call and what became of it. A fold of its records; owned by `Store`, but for who is told, which is `Receipts`'. */
export class Receipt extends Timed {
  state: ReceiptState = 'stored'
  /** Records of it so far. */
  seq = 0
  /** How often it was given to somebody who may have begun. */
  attempts = 0
  /** The last one, until somebody else is looked for. */
  lease: Lease | undefined
  /** The version of the instance that has begun it. */
  begunWith: string | undefined
  isCancelled = false
  /** What came after it was stored: most that are kept have nothing yet. */
  #later: Step[] | undefined
  endedMs: number | undefined
  cause: Cause | undefined
  /** The call that is another try of it. */
  redrivenAs: string | undefined
  /** What its callees have recorded, by key. */
  notes: Map<string, Note> | undefined
  /** Its frames, while it is about to leave. */
  frames: readonly Uint8Array[] | undefined
  /** Where they are written down, and what was said at last. Undefined where nobody will ask for them any more, or not yet. */
  request: Place | undefined
  answer: Place | undefined
  /** What of its outcome has a record of its own. */
  answerBody: Place | undefined
  /** The client that is to be told of the outcome has not taken it. */
  isOwed = false

  // ---- of this start of the router alone

  /** Undefined once it has its outcome. */
  call: CallRecord | undefined
  progress: Word | undefined
  /** The outcome, in pieces as it came, until it is safe; and what state it makes. */
  outcome: Word[] = NO_WORDS
  outcomeBytes = 0
  ending: ReceiptState | undefined
  endCause: Cause | undefined
  endBody: Place | undefined
  /** What is told of it while its end is not safe yet. */
  shown: ReceiptState | undefined
  watchers: Set<Watcher> | undefined
  /** Who is told of the outcome without a session. */
  waiting: Set<() => void> | undefined
  /** What it is counted with. */
  bytes = 0
  /** It was made of a row of the archive, for reading. */
  isArchived = false

  constructor(
    /** Its number in the records. */
    readonly ordinal: number,
    readonly terms: StoredTerms,
    readonly forget: (receipt: Receipt) => void,
  ) {
    super()
  }

  /** From the first to the last, at most 64: the first is kept, and the last ones. */
  get steps(): readonly Step[] {
    return [['stored', this.terms.storedMs], ...(this.#later ?? NO_STEPS)]
  }

  /** A step of its life is over. */
  passed(step: Step): void {
    this.#later ??= []
    this.#later.push(step)
    // Given back for ever, it would have steps without end.
    if (this.#later.length === MAX_STEPS) this.#later.shift()
  }

  get sn(): string {
    return this.terms.sn
  }

  get principal(): Principal {
    return this.terms.principal
  }

  /** It has its outcome, and everybody may know. */
  get hasEnded(): boolean {
    return this.endedMs !== undefined && this.shown === undefined
  }

  /** The state that everybody may know. */
  get known(): ReceiptState {
    return this.shown ?? this.state
  }

  override due(): void {
    this.forget(this)
  }
}
