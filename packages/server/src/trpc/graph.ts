/** The graph: where parcels go on that are for nobody. */
import * as z from 'zod'
import { dotOf, mermaidOf } from '../parcels/index.js'
import { callerOf, procedureOf, routerOf, type ApiParts } from './procedures.js'

const edge = z.strictObject({ from: z.string(), to: z.string() })

// oxlint-disable-next-line typescript/explicit-function-return-type -- tRPC's own type
export function graphProcedures(parts: ApiParts) {
  const procedure = procedureOf(parts)
  const { view } = parts.router
  return routerOf({
    connect: procedure.input(edge).mutation(({ ctx, input }) => view.connect(callerOf(ctx), input)),

    disconnect: procedure.input(edge).mutation(({ ctx, input }) => view.disconnect(callerOf(ctx), input)),

    /** Those of your principal. */
    edges: procedure.query(({ ctx }) => view.edges(callerOf(ctx))),

    /** The same as a text for who draws it. */
    picture: procedure.input(z.strictObject({ format: z.enum(['dot', 'mermaid']) })).query(({ ctx, input }) => {
      const edges = view.edges(callerOf(ctx))
      return input.format === 'dot' ? dotOf(edges) : mermaidOf(edges)
    }),
  })
}
