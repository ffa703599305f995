/** Presence: who came and who left, as events of the router's own. Decides nothing; told by whoever owns sessions and instances. */
import type { Events } from './events.js'
import type { Instance, Session } from './model.js'

export class Presence {
  readonly #events: Events
  #stopped = false

  constructor(events: Events) {
    this.#events = events
  }

  /** The client has been let in, for the first time or again. */
  admitted(session: Session): void {
    if (session.announced) return
    session.announced = true
    this.#client('waybill.client.joined', session)
  }

  /** The session is gone for good. */
  lost(session: Session): void {
    if (session.announced) this.#client('waybill.client.left', session)
  }

  readonly service = (change: 'joined' | 'left', { offer: { service, version, labels }, session }: Instance): void => {
    if (!this.#stopped) this.#events.announce(`waybill.service.${change}`, () => ({ service, version, client: session.name, labels }))
  }

  /** The router is closing: that everybody leaves is said by the goodbye to each. */
  stop(): void {
    this.#stopped = true
  }

  #client(topic: string, { name, id, principal, labels }: Session): void {
    if (!this.#stopped) this.#events.announce(topic, () => ({ name, id, principal, labels }))
  }
}
