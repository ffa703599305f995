/** Whether a caller may make a call, and have somebody else told of it. Asks the deployment's `authorize`; decides nothing about where calls go. */
import { quoted, WaybillError } from '@waybill/core'
import type { Access } from './access.js'
import type { Route, Session } from './model.js'
import type { Sessions } from './sessions.js'

export class Permission {
  readonly #authorize: Access['authorize']
  readonly #sessions: Sessions

  constructor(access: Access, sessions: Sessions) {
    this.#authorize = access.authorize
    this.#sessions = sessions
  }

  /** Why not, or undefined. */
  call(caller: Session, route: Route, method: string | undefined): WaybillError | undefined {
    if (this.#authorize === undefined) return undefined
    const { service } = route.address
    if (this.#authorize(caller.principal, 'call', { client: caller.name, service, ...(method !== undefined && { method }) }))
      return undefined
    return new WaybillError('Forbidden', `${caller.principal} may not call ${service}.${method === undefined ? '?' : quoted(method)}`)
  }

  /** Statuses and outcomes go to clients of the same principal, or where the deployment says so. */
  postback(caller: Session, client: string): WaybillError | undefined {
    const target = this.#sessions.byName(client)
    if (target === undefined)
      return new WaybillError('NoSuchClient', `no client named ${quoted(client)} is connected to be told of the call`)
    if (target.principal === caller.principal || this.#authorize?.(caller.principal, 'postback', { client }) === true) return undefined
    return new WaybillError('Forbidden', `${caller.principal} may not have ${quoted(client)} told of a call`)
  }
}
