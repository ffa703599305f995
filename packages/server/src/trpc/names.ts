/** Names that take parcels without a connection of their own. */
import * as z from 'zod'
import { callerOf, procedureOf, routerOf, type ApiParts } from './procedures.js'

const registering = z.strictObject({
  name: z.string(),
  /** Where its parcels are posted to; absent: it comes for them. */
  address: z.string().optional(),
  concurrency: z.number().optional(),
  /** All else that it says of itself. */
  fields: z.record(z.string(), z.json()).optional(),
})

// oxlint-disable-next-line typescript/explicit-function-return-type -- tRPC's own type
export function nameProcedures(parts: ApiParts) {
  const procedure = procedureOf(parts)
  const { view } = parts.router
  return routerOf({
    register: procedure.input(registering).mutation(({ ctx, input }) => view.registerFor(ctx.known, input)),

    unregister: procedure
      .input(z.strictObject({ name: z.string() }))
      .mutation(({ ctx, input }) => view.unregister(callerOf(ctx), input.name)),

    /** Those of your principal. */
    registered: procedure.query(({ ctx }) => view.registered(callerOf(ctx))),
  })
}
