/** `/graph`: where parcels go that are for nobody. */
import { WaybillError } from '@waybill/core'
import { dotOf, mermaidOf } from '../parcels/index.js'
import { jsonAnswer, textAnswer } from './answers.js'
import { readObject } from './body.js'
import { MAX_OBJECT_BYTES, type Routes } from './routes.js'

export const graphRoutes: Routes = (app, { parcels, who, pace }) => {
  app.get('/graph', async ({ req }) => {
    const { principal } = await who.of(req.raw)
    const edges = parcels.graph.edges(principal)
    switch (req.query('format') ?? 'json') {
      case 'json':
        return jsonAnswer(edges)
      case 'dot':
        return textAnswer(dotOf(edges), 'text/vnd.graphviz')
      case 'mermaid':
        return textAnswer(mermaidOf(edges), 'text/vnd.mermaid')
      default:
        throw new WaybillError('BadArguments', 'the format is json, dot or mermaid')
    }
  })

  app.post('/graph', async ({ req: { raw } }) => {
    const { principal } = await who.of(raw)
    const { from, to } = await readObject(raw, { mostBytes: MAX_OBJECT_BYTES, pace })
    if (typeof from !== 'string' || typeof to !== 'string')
      throw new WaybillError('BadArguments', 'an edge is { "from": …, "to": … }, two names')
    await parcels.graph.connect(principal, { from, to })
    return jsonAnswer({ status: 'connected', from, to })
  })

  app.delete('/graph/:from/:to', async ({ req }) => {
    const { principal } = await who.of(req.raw)
    const edge = { from: req.param('from'), to: req.param('to') }
    await parcels.graph.disconnect(principal, edge)
    return jsonAnswer({ status: 'disconnected', ...edge })
  })
}
