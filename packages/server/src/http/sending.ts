/** `/dispatch`: a parcel on its way, and its receipt as soon as it is safe. */
import { jsonAnswer } from './answers.js'
import { durationIn, headOf, jsonIn, textIn } from './asked.js'
import { readContent } from './body.js'
import type { Routes } from './routes.js'

export const sendingRoutes: Routes = (app, { parcels, who, maxBodyBytes, pace }) => {
  const dispatch = async (request: Request, name: string | undefined): Promise<Response> => {
    const { headers } = request
    const { principal } = await who.of(request)
    const asked = {
      to: name ?? textIn(headers, 'waybill-to'),
      from: textIn(headers, 'waybill-from'),
      ttlMs: durationIn(headers, 'waybill-ttl'),
      key: textIn(headers, 'idempotency-key'),
      data: jsonIn(headers, 'waybill-data'),
      orderKey: textIn(headers, 'waybill-order-key'),
      within: textIn(headers, 'waybill-within'),
    }
    parcels.assertMayDispatch(principal, asked)
    const content = await readContent(request, headOf(headers), { mostBytes: maxBodyBytes, pace, spool: () => parcels.spool() })
    const { receipt, duplicate } = await parcels.dispatch(principal, asked, content)
    const { sn } = receipt
    return jsonAnswer({ status: 'received', receipt_id: sn, ...(duplicate && { duplicate }) }, 200, {
      location: `/receipts/${sn}`,
      'waybill-receipt': sn,
      'waybill-durability': parcels.durability,
    })
  }
  app.post('/dispatch', ({ req: { raw } }) => dispatch(raw, undefined))
  app.post('/dispatch/:name', ({ req }) => dispatch(req.raw, req.param('name')))
}
