/** Dead letters, and what waits for whom. */
import * as z from 'zod'
import { readDeadSelection, readPurgeSelection } from '../api/dead-api.js'
import { callerOf, procedureOf, routerOf, safe, type ApiParts } from './procedures.js'
import { deadQuery } from './queries.js'

const redriving = z.strictObject({
  sn: z.string(),
  /** Whose it is, where that is not you. */
  principal: z.string().optional(),
})

// oxlint-disable-next-line typescript/explicit-function-return-type -- tRPC's own type
export function deadProcedures(parts: ApiParts) {
  const procedure = procedureOf(parts)
  const { router } = parts
  const { view } = router
  return routerOf({
    dead: procedure.input(deadQuery.optional()).query(({ ctx, input }) => view.dead(callerOf(ctx), readDeadSelection(input))),

    /** Another stored call of a dead letter, once. */
    redrive: procedure
      .input(redriving)
      .mutation(async ({ ctx, input }) => safe(router, await view.redrive(callerOf(ctx), input.sn, input.principal))),

    /** Forgets those that fit; their serial numbers. */
    purge: procedure.input(deadQuery).mutation(({ ctx, input }) => safe(router, view.purge(callerOf(ctx), readPurgeSelection(input)))),

    /** The longest waiting first. */
    mailbox: procedure
      .input(z.strictObject({ everyone: z.boolean().optional() }).optional())
      .query(({ ctx, input }) => view.mailbox(callerOf(ctx), input?.everyone === true)),
  })
}
