/**
 * Outcomes that are owed to a client which did not make the call, and which may be away: each waits, in the order in which they came about, until
 * that client says that it has taken it, or its time is over. Statuses are for who is there. Owns what is owed; nothing of it is decided here.
 */
import type { Channel } from './channel.js'
import { Departures, type Departure } from './departures.js'
import type { Limits } from './limits.js'
import type { Receipt, Session, Word } from './model.js'
import type { Sessions } from './sessions.js'
import type { Store } from './store.js'
import { tellWord } from './telling.js'

/** Outcomes that a client is given ahead of its word that it has taken them. */
const AHEAD = 64

export class Postbacks {
  readonly #owed = new Map<string, Set<Receipt>>()
  /** Those of them that the client of the moment was given. */
  readonly #given = new WeakMap<Session, Set<Receipt>>()
  readonly #departures = new Departures<Session>()
  /** Those for whom so much waits that they are given no more. */
  readonly #behind = new WeakSet<Session>()
  readonly #limits: Limits
  readonly #sessions: Sessions
  readonly #store: Store
  /** The client has it. */
  taken: (receipt: Receipt) => void = () => {}

  constructor(parts: { limits: Limits; sessions: Sessions; store: Store }) {
    this.#limits = parts.limits
    this.#sessions = parts.sessions
    this.#store = parts.store
  }

  /** A status, to who is to be told of the call, if that client is there. */
  tell(receipt: Receipt, word: Word, feeder: Channel): void {
    const session = this.#addressee(receipt)
    if (session === undefined) return
    tellWord({ session, number: 0, receipt }, word)
    if (session.channel.outboundBytes > this.#limits.maxOutboundBytes) session.channel.holdBack(feeder)
  }

  /** The call has its outcome, which its addressee has not taken. */
  owe(receipt: Receipt): void {
    const key = keyOf(receipt.terms.told!, receipt.terms.replyto!)
    const owed = this.#owed.get(key)
    if (owed === undefined) this.#owed.set(key, new Set([receipt]))
    else owed.add(receipt)
    const session = this.#addressee(receipt)
    if (session !== undefined) this.#give(session)
  }

  /** A client has come, in a new session. */
  joined(session: Session): void {
    this.#give(session)
  }

  /** Less waits for the client than before. */
  caughtUp(session: Session): void {
    if (this.#behind.delete(session)) this.#give(session)
  }

  /** What the client says that it has taken. */
  took(session: Session, sns: readonly string[]): void {
    for (const receipt of this.#given.get(session) ?? []) {
      if (sns.includes(receipt.sn)) this.#take(session, receipt)
    }
    this.#give(session)
  }

  /** Its receipt is kept no more. */
  forget(receipt: Receipt): void {
    if (!receipt.isOwed) return
    const key = keyOf(receipt.terms.told!, receipt.terms.replyto!)
    const owed = this.#owed.get(key)
    owed?.delete(receipt)
    if (owed?.size === 0) this.#owed.delete(key)
  }

  #take(session: Session, receipt: Receipt): void {
    this.forget(receipt)
    this.#given.get(session)?.delete(receipt)
    this.taken(receipt)
  }

  /** As many as it may have ahead, the oldest first. */
  #give(session: Session): void {
    const owed = this.#owed.get(keyOf(session.principal, session.name))
    if (owed === undefined) return
    let given = this.#given.get(session)
    if (given === undefined) this.#given.set(session, (given = new Set()))
    for (const receipt of owed) {
      if (given.size >= AHEAD) return
      if (session.channel.outboundBytes > this.#limits.maxOutboundBytes) return void this.#behind.add(session)
      if (given.has(receipt)) continue
      given.add(receipt)
      const departure: Departure = { isOver: () => session.state === 'ended' }
      this.#departures.enter(session, departure)
      this.#store.words(receipt, (words) => this.#departures.ready(session, departure, () => this.#tell(session, receipt, words)))
    }
  }

  /** Nothing, where the outcome cannot be read. */
  #tell(session: Session, receipt: Receipt, words: readonly Word[] | undefined): void {
    if (words === undefined) return
    for (const word of words) tellWord({ session, number: 0, receipt }, word)
    // Who does not say so has taken what was written.
    if (!session.keepsLeases) this.#take(session, receipt)
  }

  /** A name that another principal has taken since is somebody else's. */
  #addressee({ terms: { replyto, told } }: Receipt): Session | undefined {
    const session = replyto === undefined ? undefined : this.#sessions.byName(replyto)
    return session !== undefined && session.principal === told ? session : undefined
  }
}

function keyOf(principal: string, client: string): string {
  return `${client} ${principal}`
}
