/** Whether a caller may make a call, and have somebody else told of it. Asks the deployment's `authorize`; decides nothing about where calls go. */
import { isName, quoted, WaybillError } from '@waybill/core'
import type { Access, Principal } from './access.js'
import type { Route, Session, StoredTerms } from './model.js'
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

  /** Rights may have changed since a stored call was taken. */
  again({ principal, client, service, method }: StoredTerms): WaybillError | undefined {
    if (this.#authorize === undefined || this.#authorize(principal, 'call', { client, service, method })) return undefined
    return new WaybillError('Forbidden', `${principal} may not call ${service}.${quoted(method)} any more`)
  }

  /** The same for one that is made anew: also who is told may not be told any more. */
  anew(terms: StoredTerms): WaybillError | undefined {
    const { principal, replyto, told } = terms
    if (replyto === undefined || told === principal || this.#authorize?.(principal, 'postback', { client: replyto }) === true)
      return this.again(terms)
    return notTold(principal, replyto)
  }

  /** Whose the client is that is to be told: it may be away, and is then one of the caller's own. */
  addressee(caller: Session, client: string): Principal {
    return this.#sessions.byName(client)?.principal ?? caller.principal
  }

  /** Statuses and outcomes go to clients of the same principal, or where the deployment says so. */
  postback(caller: Session, client: string): WaybillError | undefined {
    if (!isName(client)) return new WaybillError('BadAddress', `${quoted(client)} is not the name of a client to be told of the call`)
    if (this.addressee(caller, client) === caller.principal || this.#authorize?.(caller.principal, 'postback', { client }) === true)
      return undefined
    return notTold(caller.principal, client)
  }
}

function notTold(principal: Principal, client: string): WaybillError {
  return new WaybillError('Forbidden', `${principal} may not have ${quoted(client)} told of a call`)
}
