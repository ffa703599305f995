/** `GET /metrics`: who may read it, and what is answered. Knows neither sockets nor what is measured. */
import { WaybillError } from '@waybill/core'
import { tokenIn } from './access.js'
import type { Page, PageRequest } from './gateways/websocket.js'
import type { Metrics } from './metrics/index.js'

/** `check` throws where who shows this token may not. It does not stand in a URL, as nothing else does. */
export function metricsPage(
  metrics: Metrics,
  check: (token: string | undefined) => Promise<void>,
): (request: PageRequest) => Promise<Page | undefined> {
  return async ({ method, path, authorization }) => {
    if (path.split('?', 1)[0] !== '/metrics') return undefined
    if (method !== 'GET' && method !== 'HEAD') return { status: 405, headers: { allow: 'GET, HEAD' }, text: 'Metrics are read.\n' }
    try {
      await check(tokenIn(authorization))
      const text = await metrics.text()
      return { status: 200, headers: { 'content-type': metrics.contentType, 'cache-control': 'no-store' }, text }
    } catch (thrown) {
      const { code, message } = WaybillError.from(thrown)
      if (code === 'Unauthorized') return { status: 401, headers: { 'www-authenticate': 'Bearer' }, text: `${message}\n` }
      if (code === 'Forbidden') return { status: 403, headers: {}, text: `${message}\n` }
      return { status: 500, headers: {}, text: 'The metrics cannot be read.\n' }
    }
  }
}
