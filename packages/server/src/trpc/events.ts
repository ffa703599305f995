/** Events: the log of durable ones from any id on, all as they are published, and who comes and goes. */
import { tracked } from '@trpc/server'
import { quoted, WaybillError } from '@waybill/core'
import * as z from 'zod'
import type { Router } from '../router.js'
import { listen, type Heard } from './listening.js'
import { callerOf, lasting, procedureOf, routerOf, safe, type ApiParts } from './procedures.js'

const durable = z.strictObject({
  /** A topic or a pattern. */
  topic: z.string(),
  /** Begins behind this id. Default 0: with the oldest that is kept. */
  after: z.int().min(0).optional(),
  /** Of a client that comes back: the last id that it was told. */
  lastEventId: z.string().nullish(),
})

/** Who came and who left: clients and services. */
const PRESENCE = ['waybill.client.*', 'waybill.service.*']

// oxlint-disable-next-line typescript/explicit-function-return-type -- tRPC's own type
export function eventProcedures(parts: ApiParts) {
  const procedure = procedureOf(parts)
  const { router } = parts
  const { view } = router
  return routerOf({
    /** Durable events in the order of their ids, and further ones as they are published. Goes on where it was after a connection that broke. */
    events: procedure.input(durable).subscription(({ ctx, input: { topic, after = 0, lastEventId }, signal }) => {
      const log = logOf(router)
      const begin = lastEventId ? readId(lastEventId, log) : after
      return lasting(parts, ctx, signal, async function* (gone) {
        // Ids of another log mean nothing in this one.
        if (begin === undefined) yield tracked(printId(0, log), { kind: 'gap' } as Heard)
        for await (const heard of listen(router, ctx.known, { topics: [topic], after: begin ?? 0 }, gone)) {
          const id = heard.kind === 'event' ? heard.id : heard.to
          if (id !== undefined) yield tracked(printId(id, log), heard)
        }
      })
    }),

    /** Whatever is published from now on, durable or not; a gap stands for what a slow reader has missed. */
    live: procedure
      .input(z.strictObject({ topic: z.string() }))
      .subscription(({ ctx, input, signal }) =>
        lasting(parts, ctx, signal, (gone) => listen(router, ctx.known, { topics: [input.topic] }, gone)),
      ),

    /** `waybill.client.joined` and `left`, `waybill.service.joined` and `left`. */
    presence: procedure.subscription(({ ctx, signal }) =>
      lasting(parts, ctx, signal, (gone) => listen(router, ctx.known, { topics: PRESENCE }, gone)),
    ),

    /** How far the named cursors of your principal have read. */
    cursors: procedure.query(({ ctx }) => view.cursors(callerOf(ctx))),

    forgetCursor: procedure
      .input(z.strictObject({ name: z.string() }))
      .mutation(({ ctx, input }) => safe(router, view.forgetCursor(callerOf(ctx), input.name))),
  })
}

/** What tells the router's log from any other. */
function logOf({ identity: { store, epoch } }: Router): string {
  return store ?? String(epoch)
}

function printId(id: number, log: string): string {
  return `${id}@${log}`
}

/** Undefined where it is of another log. */
function readId(text: string, log: string): number | undefined {
  const [, id, of] = /^(\d{1,15})@(.{1,128})$/.exec(text) ?? []
  if (id === undefined) throw new WaybillError('BadArguments', `${quoted(text)} is not the id of an event of this subscription`)
  return of === log ? Number(id) : undefined
}
