/** The router's own API as a router of tRPC: all procedures under one name each. They decide nothing. */
import { deadProcedures } from './dead.js'
import { eventProcedures } from './events.js'
import { graphProcedures } from './graph.js'
import { nameProcedures } from './names.js'
import { mergeRouters, type ApiParts } from './procedures.js'
import { receivingProcedures } from './receiving.js'
import { sendingProcedures } from './sending.js'
import { statisticsProcedures } from './statistics.js'

// oxlint-disable-next-line typescript/explicit-function-return-type -- its type is the API
export function trpcApi(parts: ApiParts) {
  return mergeRouters(
    statisticsProcedures(parts),
    nameProcedures(parts),
    graphProcedures(parts),
    sendingProcedures(parts),
    receivingProcedures(parts),
    deadProcedures(parts),
    eventProcedures(parts),
  )
}

/** What `createTRPCClient<TrpcApi>` is typed by. `RouterApi` of `@waybill/server` is the same as a remote class. */
export type TrpcApi = ReturnType<typeof trpcApi>
