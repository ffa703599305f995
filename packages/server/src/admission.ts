/**
 * The opening of a link: one introduction within `openingMs`, then either a session or a refusal. Until then the peer is nobody, and costs a
 * timer. Owns links that have no session yet.
 */
import {
  Feature,
  readIntroduction,
  WaybillError,
  writeOpening,
  type Connected,
  type Introduction,
  type Link,
  type Ports,
  type RouterIdentity,
  type Timer,
} from '@waybill/core'
import { presentedDigest, ROUTER_CLIENT, ROUTER_PRINCIPAL, type Access, type Principal } from './access.js'
import type { Incidents } from './incidents.js'
import type { RouterLog } from './log.js'
import type { Limits } from './limits.js'
import type { Session } from './model.js'
import { CloseCode, type Sessions } from './sessions.js'
import type { Tally } from './tally.js'

/** `checking`: the introduction is here, the credentials are being looked at. */
type OpeningState = 'waiting' | 'checking' | 'over'

/** Who is at the other end of a link is known without credentials. */
export interface Known {
  readonly principal: Principal
  /** Of the token that it once came with. */
  readonly digest: string | undefined
}

interface Opening {
  readonly link: Link
  readonly known: Known | undefined
  readonly admitted: (session: Session) => void
  state: OpeningState
  timer: Timer
  /** Who was shut out while the credentials were being looked at: what is found of them then is not true any more. */
  readonly revoked: { readonly principal: Principal; readonly digest: string | undefined }[]
}

/** Takes the first packet of a link, or its end. */
export interface Expecting {
  introduced(message: Uint8Array): void
  ended(): void
}

export class Admission {
  readonly #openings = new Set<Opening>()
  readonly #access: Access
  readonly #limits: Limits
  readonly #ports: Ports
  readonly #sessions: Sessions
  readonly #router: RouterIdentity
  readonly #incidents: Incidents

  readonly #log: RouterLog
  readonly #tally: Tally | undefined

  constructor(parts: {
    access: Access
    limits: Limits
    ports: Ports
    sessions: Sessions
    router: RouterIdentity
    incidents: Incidents
    log: RouterLog
    tally: Tally | undefined
  }) {
    this.#tally = parts.tally
    this.#log = parts.log
    this.#incidents = parts.incidents
    this.#access = parts.access
    this.#limits = parts.limits
    this.#ports = parts.ports
    this.#sessions = parts.sessions
    this.#router = parts.router
  }

  /** Begins to wait for the introduction. */
  expect(link: Link, admitted: (session: Session) => void, known?: Known): Expecting {
    const tooLate = (): void => {
      this.#refuse(
        opening,
        new WaybillError('ProtocolViolation', `no introduction came within ${this.#limits.openingMs} ms`, { executed: 'no' }),
      )
    }
    const { maxOpenings } = this.#limits
    const timer = this.#ports.clock.timer(this.#limits.openingMs, tooLate)
    const opening: Opening = { link, known, admitted, state: 'waiting', timer, revoked: [] }
    if (this.#openings.size >= maxOpenings) {
      this.#refuse(opening, new WaybillError('Overloaded', `${maxOpenings} others are being let in; try again soon`))
    } else this.#openings.add(opening)
    return {
      introduced: (message) => {
        // What comes after a refusal was under way; what comes while the credentials are being checked cannot be legal.
        if (opening.state === 'over') return
        if (opening.state !== 'waiting') return link.terminate()
        opening.state = 'checking'
        void this.#introduce(opening, message)
      },
      ended: () => this.#over(opening),
    }
  }

  /** Nobody is let in as this principal, or with this token of his, whose credentials are being looked at now. */
  revoke(principal: Principal, digest?: string): void {
    for (const opening of this.#openings) if (opening.state === 'checking') opening.revoked.push({ principal, digest })
  }

  stop(): void {
    for (const opening of this.#openings) {
      this.#over(opening)
      opening.link.end(CloseCode.goingAway, 'the router is closing')
    }
  }

  async #introduce(opening: Opening, message: Uint8Array): Promise<void> {
    try {
      const introduction = readIntroduction(message)
      const answer = opening.known?.principal ?? this.#access.authenticate(introduction.credentials)
      const principal = typeof answer === 'string' ? answer : await answer
      if (opening.state === 'checking') this.#connect(opening, introduction, principal)
    } catch (thrown) {
      this.#refuse(opening, WaybillError.from(thrown, 'no'))
    }
  }

  #connect(opening: Opening, introduction: Introduction, principal: Principal): void {
    const { link } = opening
    const { name } = introduction
    const presented = opening.known?.digest ?? presentedDigest(introduction.credentials)
    if (opening.revoked.some((one) => one.principal === principal && (one.digest === undefined || one.digest === presented)))
      throw new WaybillError('Unauthorized', 'the token is not good any more')
    if (this.#access.authorize?.(principal, 'connect', name === undefined ? {} : { client: name }) === false) {
      throw new WaybillError('Forbidden', `${principal} may not connect${name === undefined ? '' : ` as ${name}`}`)
    }
    if (name === ROUTER_CLIENT && principal !== ROUTER_PRINCIPAL)
      throw new WaybillError('Forbidden', `the name ${name} is the router's own; take another name`)
    const resumed = this.#sessions.resume(introduction, principal, link)
    const session = resumed ?? this.#sessions.begin(introduction, principal, link, presented)
    const { windowBytes, maxFrameBytes, maxBodyBytes, heartbeatMs, heartbeatGraceMs, resumeGraceMs } = this.#limits
    const connected: Connected = {
      router: this.#router,
      session: session.id,
      token: this.#sessions.rotate(session),
      resumed: resumed !== undefined,
      received: session.channel.exchange.received,
      name: session.name,
      principal,
      symbol: session.symbol,
      limits: { windowBytes, maxFrameBytes, maxBodyBytes, heartbeatMs, heartbeatGraceMs, resumeGraceMs },
      features: session.keepsLeases ? [Feature.leases] : [],
    }
    this.#over(opening)
    link.send(writeOpening(connected))
    if (resumed !== undefined) this.#sessions.replay(session, introduction.resume!.received)
    if (session.state === 'open') opening.admitted(session)
  }

  #refuse(opening: Opening, refusal: WaybillError): void {
    if (opening.state === 'over') return
    this.#over(opening)
    const error = this.#incidents.disclosed('opening', refusal)
    this.#tally?.refused(error.code)
    this.#log.refused(error.code, opening.link.remote)
    opening.link.send(writeOpening({ refused: { code: error.code, message: error.message.slice(0, MAX_REFUSAL_CHARACTERS) } }))
    opening.link.end(CloseCode.refused, error.code)
  }

  #over(opening: Opening): void {
    opening.state = 'over'
    opening.timer.cancel()
    this.#openings.delete(opening)
  }
}

const MAX_REFUSAL_CHARACTERS = 1000
