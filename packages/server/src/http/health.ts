/** `/healthz` and `/readyz`: that the process is there; that it can do its work. For whoever may connect. */
import { jsonAnswer } from './answers.js'
import type { Routes } from './routes.js'

export const healthRoutes: Routes = (app, { failure }) => {
  app.get('/healthz', () => jsonAnswer({ status: 'ok' }))
  app.get('/readyz', () => {
    const why = failure()
    return why === undefined ? jsonAnswer({ status: 'ready' }) : jsonAnswer({ status: 'failed', message: why }, 503)
  })
}
