/** A parcel on its way: its receipt, what becomes of it, and its result. */
import { quoted, WaybillError, type ReceiptInfo } from '@waybill/core'
import * as z from 'zod'
import { readCancelSelection, readSelection } from '../api/receipts-api.js'
import type { Failure } from '../parcels/index.js'
import { contentInput, contentOf, offset, toldContent, toldPiece, type ToldContent } from './contents.js'
import { receiptQuery } from './queries.js'
import { callerOf, procedureOf, routerOf, safe, type ApiParts } from './procedures.js'

const MOST_WAIT_MS = 300_000

const dispatching = z.strictObject({
  /** The client that it is for; absent: where the graph leads on from its sender. */
  to: z.string().optional(),
  /** The name that sends it, and is told what becomes of it. */
  from: z.string().optional(),
  content: contentInput,
  /** How long it may wait for who is not there. */
  ttlMs: z.int().positive().optional(),
  /** Another one with the same key is the same. */
  key: z.string().optional(),
  /** The sender's own. */
  data: z.json().optional(),
  orderKey: z.string().optional(),
  /** The id of a parcel that its sender was given, and now sends on. */
  within: z.string().optional(),
})

const asked = z.strictObject({
  /** The receipt's. */
  sn: z.string(),
  /** How long the end may be waited for. */
  waitMs: z.int().min(0).max(MOST_WAIT_MS).optional(),
})

/** What is known of a result: `content` or `failure` once it has ended. */
export interface ToldResult {
  readonly sn: string
  readonly state: ReceiptInfo['state']
  readonly content?: ToldContent
  readonly failure?: Failure
}

// oxlint-disable-next-line typescript/explicit-function-return-type -- tRPC's own type
export function sendingProcedures(parts: ApiParts) {
  const procedure = procedureOf(parts)
  const { router } = parts
  const { parcels, view } = router
  return routerOf({
    /** Resolves with its receipt once the parcel is safe. */
    dispatch: procedure.input(dispatching).mutation(async ({ ctx, input: { content, data, ...rest } }) => {
      const dispatch = { ...rest, ...(data !== undefined && { data: JSON.stringify(data) }) }
      const { receipt, duplicate } = await parcels.dispatch(ctx.known.principal, dispatch, contentOf(content))
      return { sn: receipt.sn, durability: parcels.durability, duplicate }
    }),

    receipt: procedure
      .input(asked)
      .query(({ ctx, input: { sn, waitMs = 0 }, signal }) =>
        parts.who.during(ctx.known, signal ?? NEVER, (until) => parcels.outcomes.receipt(ctx.known.principal, sn, waitMs, until)),
      ),

    /** Of stored calls of your principal, the newest first. */
    receipts: procedure.input(receiptQuery.optional()).query(({ ctx, input }) => view.receipts(callerOf(ctx), readSelection(input))),

    result: procedure.input(asked).query(async ({ ctx, input: { sn, waitMs = 0 }, signal }): Promise<ToldResult> => {
      const { principal } = ctx.known
      const info = await parts.who.during(ctx.known, signal ?? NEVER, (until) => parcels.outcomes.receipt(principal, sn, waitMs, until))
      const outcome = await parcels.outcomes.outcome(principal, sn)
      if (outcome === undefined) return { sn: info.sn, state: info.state }
      const { content, failure } = outcome
      return { sn: info.sn, state: info.state, ...(content === undefined ? { failure } : { content: toldContent(content) }) }
    }),

    /** Bytes of a result that were too many for `result`. */
    resultPiece: procedure.input(z.strictObject({ sn: z.string(), offset })).query(async ({ ctx, input }) => {
      const outcome = await parcels.outcomes.outcome(ctx.known.principal, input.sn)
      if (outcome?.content === undefined) throw new WaybillError('Rejected', `${quoted(input.sn)} has no result`)
      return toldPiece(outcome.content, input.offset)
    }),

    /** Asks for the cancel of those that fit and have not ended; their serial numbers. */
    cancel: procedure
      .input(receiptQuery)
      .mutation(({ ctx, input }) => safe(router, view.cancel(callerOf(ctx), readCancelSelection(input)))),
  })
}

const NEVER = new AbortController().signal
