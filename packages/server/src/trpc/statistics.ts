/** What the router says of itself: who is here, what is offered and how that is called. */
import * as z from 'zod'
import { callerOf, procedureOf, routerOf, type ApiParts } from './procedures.js'

// oxlint-disable-next-line typescript/explicit-function-return-type -- tRPC's own type
export function statisticsProcedures(parts: ApiParts) {
  const procedure = procedureOf(parts)
  const { view } = parts.router
  return routerOf({
    info: procedure.query(() => view.info()),

    clients: procedure.query(() => view.clients()),

    services: procedure.query(() => view.services()),

    /** What you may call, as it is described by who offers it: methods with the JSON Schemas of what they take and give. */
    contracts: procedure
      .input(z.strictObject({ service: z.string().optional() }).optional())
      .query(({ ctx, input }) => parts.offered(ctx.token, input?.service)),

    /** Asks a client to take its services back, and to let what runs end. */
    drain: procedure.input(z.strictObject({ client: z.string() })).mutation(({ ctx, input }) => view.drain(callerOf(ctx), input.client)),
  })
}
