/** `/receipts`: what became of a stored call, for its principal. */
import { contentAnswer, failureAnswer, jsonAnswer } from './answers.js'
import { secondsIn } from './asked.js'
import type { Routes } from './routes.js'

const MOST_WAIT = 300

export const receiptRoutes: Routes = (app, { parcels, who }) => {
  app.get('/receipts/:id', async ({ req }) => {
    const known = await who.of(req.raw)
    const waitMs = secondsIn(new URL(req.url).searchParams, 'wait', MOST_WAIT, 0)
    const id = req.param('id')
    const info = await who.during(known, req.raw.signal, (signal) => parcels.outcomes.receipt(known.principal, id, waitMs, signal))
    return jsonAnswer({ receipt_id: info.sn, status: info.state, ...info })
  })

  app.get('/receipts/:id/result', async ({ req }) => {
    const known = await who.of(req.raw)
    const { principal } = known
    const id = req.param('id')
    const waitMs = secondsIn(new URL(req.url).searchParams, 'wait', MOST_WAIT, 0)
    const { sn, state } = await who.during(known, req.raw.signal, (signal) => parcels.outcomes.receipt(principal, id, waitMs, signal))
    const headers = { 'waybill-receipt': sn, 'waybill-status': state }
    const outcome = await parcels.outcomes.outcome(principal, id)
    if (outcome === undefined) return jsonAnswer({ status: state, receipt_id: sn }, 202, { ...headers, 'retry-after': '1' })
    return outcome.content === undefined ? failureAnswer(outcome.failure, headers) : contentAnswer(outcome.content, headers)
  })

  app.post('/receipts/:id/cancel', async ({ req }) => {
    const { principal } = await who.of(req.raw)
    const id = req.param('id')
    const isCancelled = await parcels.outcomes.cancel(principal, id)
    return jsonAnswer({ status: isCancelled ? 'cancelling' : 'ended', receipt_id: id })
  })
}
