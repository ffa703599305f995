/** What surrounds a client in Node: the system's sockets, SIGTERM, processes for isolated methods. */
import { isSocketUrl, parseSocketUrl, WaybillError, type Transport } from '@waybill/core'
import { systemPorts } from '@waybill/core/system'
import { connectIn } from './connect.js'
import { Events } from './events.js'
import { Groups } from './groups.js'
import { nodeDigest } from './digests/node.js'
import { isImporting } from './isolate/importing.js'
import type { Loadable } from './loadable.js'
import './node.js'
import { keepIn } from './outbox/kept.js'
import { Postbacks } from './postbacks.js'
import { Serving } from './serving.js'
import { closeAtSigterm } from './sigterm.js'
import { callerStreams } from './streams/caller.js'
import { webSocketTransport } from './transports/websocket.js'

/** Loaded where it is asked for, so that a program without one has nothing of bare sockets. */
const lazySocketTransport: Transport = {
  open: async (url, events, signal) => (await import('./transports/socket.js')).socketTransport.open(url, events, signal),
}

/** All of them at hand. */
export const parts: Loadable = {
  serving: { now: Serving },
  streams: { now: callerStreams },
  groups: { now: Groups },
  events: { now: Events },
  postbacks: { now: Postbacks },
  isolation: async () => (await import('./isolate/isolation.js')).Isolation,
}

/** Hops on. Rejects with `RouterUnreachable`, `Unauthorized`, `Forbidden` or `Incompatible`; then nothing is left behind. */
export const connect = connectIn({
  ports: systemPorts,
  transport(url, scheme) {
    if (scheme === 'ws:' || scheme === 'wss:') return webSocketTransport
    if (!isSocketUrl(url)) return undefined
    parseSocketUrl(url)
    return lazySocketTransport
  },
  schemes: 'ws://, wss://, tcp://, tcps:// or unix:',
  admit() {
    if (isImporting())
      throw new WaybillError('Unsupported', 'the module of an isolated method connects; put the class into one that does not')
  },
  exposing(client, { ports, drainOnSigterm = ports === undefined }) {
    if (drainOnSigterm) closeAtSigterm(client)
  },
  connected: undefined,
  digest: nodeDigest,
  keeping: () => Promise.resolve(keepIn),
  parts,
})
