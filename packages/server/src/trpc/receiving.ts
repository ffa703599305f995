/** What is there for a name, that it has it, and what it says to it. */
import { tracked } from '@trpc/server'
import { quoted, WaybillError } from '@waybill/core'
import * as z from 'zod'
import { itemHeaders, type Item, type Loan } from '../parcels/index.js'
import { contentInput, contentOf, offset, toldContent, toldPiece, type ToldContent } from './contents.js'
import { lasting, procedureOf, routerOf, type ApiParts } from './procedures.js'

/** A parcel, or what became of one of the name's own. */
export interface ToldItem extends ToldContent {
  /** What it is acknowledged under. */
  readonly id: string
  readonly kind: Item['kind']
  /** Of the receipt that it is of. */
  readonly sn: string
  /** Of a parcel: who sent it, how often it was handed over, and where anybody may post its answer. */
  readonly from?: string
  readonly attempt?: number
  readonly postback?: string
}

const DEFAULT_LEASE_MS = 30_000
const MOST_LEASE_MS = 3_600_000
/** How often a subscription looks whether the name is still its principal's. */
const LOOK_MS = 30_000

const receiving = z.strictObject({
  name: z.string(),
  /** How long an item is the subscription's own before it has to be acknowledged. */
  leaseMs: z.int().min(1).max(MOST_LEASE_MS).optional(),
  /** Of a client that comes back. What it has not acknowledged comes again whatever it says. */
  lastEventId: z.string().nullish(),
})

const acknowledged = z.strictObject({
  id: z.string(),
  /** What its receiver calls the parcel itself; good as `id` of its postback. */
  alias: z.string().min(1).max(256).optional(),
})

const posted = z.strictObject({
  /** Of the parcel, or its alias. */
  id: z.string(),
  content: contentInput.optional(),
  /** There is no result: why. */
  failed: z.string().optional(),
})

// oxlint-disable-next-line typescript/explicit-function-return-type -- tRPC's own type
export function receivingProcedures(parts: ApiParts) {
  const procedure = procedureOf(parts)
  const { parcels } = parts.router
  return routerOf({
    /** Each item is lent, and comes again where it is not acknowledged in time, or before the subscription ends. */
    receive: procedure.input(receiving).subscription(({ ctx, input: { name, leaseMs = DEFAULT_LEASE_MS }, signal }) => {
      const { principal } = ctx.known
      parcels.check(principal, name)
      return lasting(parts, ctx, signal, async function* (gone) {
        const loans: Loan<Item>[] = []
        try {
          while (!gone.aborted) {
            const loan = await parcels.lend(principal, name, LOOK_MS, leaseMs, gone)
            if (loan === undefined) continue
            loans.push(loan)
            yield tracked(loan.item.id, toldItem(loan.item, ctx.base))
            while (loans[0]?.isOver === true) loans.shift()
          }
        } finally {
          for (const loan of loans) loan.giveBack()
        }
      })
    }),

    /** Bytes of an item that were too many for `receive`, until it is acknowledged. */
    itemPiece: procedure
      .input(z.strictObject({ name: z.string(), id: z.string(), offset }))
      .query(({ ctx, input: { name, id, offset: at } }) => toldPiece(parcels.item(ctx.known.principal, name, id), at)),

    received: procedure.input(acknowledged).mutation(({ ctx, input: { id, alias } }) => parcels.received(ctx.known.principal, id, alias)),

    /** The answer to a parcel, once: the content, or that it failed. */
    postback: procedure.input(posted).mutation(({ ctx, input: { id, content, failed } }) => {
      if ((content === undefined) === (failed === undefined))
        throw new WaybillError('BadArguments', `the answer to ${quoted(id)} is a content, or why it failed: one of them`)
      const answer = failed === undefined ? contentOf(content!) : { code: 'RemoteException', message: failed, executed: 'yes' as const }
      return parcels.postback(ctx.known.principal, id, answer)
    }),
  })
}

function toldItem(item: Item, base: string): ToldItem {
  const { id, kind, sn, from, attempt } = item
  const postback = itemHeaders(item, base)['waybill-postback']
  return { id, kind, sn, ...(postback !== undefined && { postback, from, attempt }), ...toldContent(item) }
}
