/** What the graph is made of: the router's own receiver, and its hands on calls. Decides nothing. */
import { WaybillError, type Link, type LinkEvents, type Ports } from '@waybill/core'
import { ROUTER_PRINCIPAL } from '../../access.js'
import type { Known } from '../../admission.js'
import type { Calls } from '../../calls.js'
import type { Limits } from '../../limits.js'
import type { Offer, Session } from '../../model.js'
import type { Offered } from '../../registry.js'
import type { Sessions } from '../../sessions.js'
import type { Store } from '../../store.js'
import { whenEnded } from '../../telling.js'
import type { Dispatching } from '../dispatching.js'
import { InnerClient } from '../inner-client.js'
import { largeRequest } from '../large.js'
import type { PostbackIds } from '../postback-ids.js'
import type { Edges } from './edges.js'
import { Fanning, GRAPH_CLIENT } from './fanning.js'

export interface GraphParts {
  readonly ports: Ports
  readonly limits: Limits
  readonly ids: PostbackIds
  readonly edges: Edges
  readonly calls: Calls
  readonly sessions: Sessions
  readonly store: Store
  readonly dispatching: Dispatching
  readonly admit: (link: Link, known: Known) => LinkEvents
  readonly offer: (session: Session, offers: readonly Offer[]) => readonly Offered[]
}

export function fanning({ ports, limits, ids, edges, calls, sessions, store, dispatching, admit, offer }: GraphParts): Fanning {
  const known: Known = { principal: ROUTER_PRINCIPAL, digest: undefined }
  const { soon } = ports
  return new Fanning({
    soon,
    ids,
    maxBodyBytes: limits.maxBodyBytes,
    connect: (name, incarnation, events) => new InnerClient({ admit, soon, name, incarnation, known, events }),
    offer: (client, one) => {
      const session = sessions.named(client.session)
      if (session === undefined) throw new WaybillError('Closed', 'the router is closing', { executed: 'no' })
      return offer(session, [one])[0]!.methods[0]!
    },
    receiptOf: (lease) => calls.leasing.leases.receiptOf(lease),
    largeOf: (receipt) => largeRequest(store, receipt),
    byOrdinal: (ordinal) => store.byOrdinal(ordinal),
    live: () => store.live(),
    successors: ({ terms: { principal, client } }) => edges.from(principal, client),
    sendOn: (parent, to, content) =>
      dispatching.sendOn(parent, to, content, { parent: parent.sn, replyto: GRAPH_CLIENT, told: ROUTER_PRINCIPAL }),
    cancel: ({ call }) => void (call && calls.stored.cancel(call)),
    whenEnded: (receipt, then) => void whenEnded(receipt, then),
    whenSafe: (safe) => store.journal.whenSafe(safe),
  })
}
