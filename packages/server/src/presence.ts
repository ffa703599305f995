/** Presence: who came and who left, as events of the router's own and in its log. Decides nothing; told by whoever owns sessions and instances. */
import type { Events } from './events.js'
import type { RouterLog } from './log.js'
import type { Instance, Session } from './model.js'

export class Presence {
  readonly #events: Events
  readonly #log: RouterLog
  #stopped = false

  constructor(events: Events, log: RouterLog) {
    this.#log = log
    this.#events = events
  }

  /** The client has been let in, for the first time or again. */
  admitted(session: Session): void {
    if (session.announced) return
    session.announced = true
    this.#log.joined(session)
    this.#client('waybill.client.joined', session)
  }

  /** The session is gone for good. */
  lost(session: Session, reason: string): void {
    if (!session.announced) return
    if (!this.#stopped) this.#log.left(session, reason)
    this.#client('waybill.client.left', session)
  }

  readonly service = (change: 'joined' | 'left', instance: Instance): void => {
    if (this.#stopped) return
    this.#log.offer(change, instance)
    const { offer, session } = instance
    const { service, version, labels } = offer
    this.#events.announce(`waybill.service.${change}`, () => ({ service, version, client: session.name, labels }))
  }

  /** The router is closing: that everybody leaves is said by the goodbye to each. */
  stop(): void {
    this.#stopped = true
  }

  #client(topic: string, { name, id, principal, labels }: Session): void {
    if (!this.#stopped) this.#events.announce(topic, () => ({ name, id, principal, labels }))
  }
}
