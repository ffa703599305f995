/** What surrounds a client in a page: the browser's WebSocket, a tab that sleeps and wakes. */
import { isSocketUrl, WaybillError } from '@waybill/core'
import { connectIn } from './connect.js'
import { pagePorts, wakes } from './tab.js'
import { pageTransport } from './transports/page.js'

/** Hops on. Rejects with `RouterUnreachable`, `Unauthorized`, `Forbidden` or `Incompatible`; then nothing is left behind. */
export const connect = connectIn({
  ports: pagePorts,
  transport(url, scheme) {
    if (scheme === 'ws:' || scheme === 'wss:') return pageTransport
    if (!isSocketUrl(url)) return undefined
    throw new WaybillError('BadAddress', `${scheme} is a bare socket, and a page has none: use ws:// or wss://`)
  },
  schemes: 'ws:// or wss://',
  admit({ drainOnSigterm }) {
    if (drainOnSigterm === true) throw new WaybillError('Unsupported', 'a page is sent no SIGTERM: leave drainOnSigterm out')
  },
  exposing: undefined,
  connected: wakes,
  keeping: async () => (await import('./outbox/kept.js')).keepIn,
  digest: async (...given) => (await import('./digests/page.js')).pageDigest(...given),
  parts: {
    serving: { load: async () => (await import('./serving-in-page.js')).Serving },
    streams: { load: async () => (await import('./beyond.js')).callerStreams },
    groups: { load: async () => (await import('./groups.js')).Groups },
    events: { load: async () => (await import('./events.js')).Events },
    postbacks: { load: async () => (await import('./postbacks.js')).Postbacks },
    isolation: undefined,
  },
})
