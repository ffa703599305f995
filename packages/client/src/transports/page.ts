/** Links over the WebSocket of a browser. It sends no headers, cannot stop reading, and does not say why it was refused. */
import { quoted, WaybillError, type Link, type LinkEnd, type Transport } from '@waybill/core'

export const pageTransport: Transport = {
  open(url, events, signal) {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url)
      socket.binaryType = 'arraybuffer'
      let opened = false
      let over = false
      const giveUp = (): void => {
        socket.close()
        end({ reason: 'the connection was given up' })
      }
      /** Once. A socket without a network takes long to notice that it was closed. */
      const end = (how: LinkEnd): void => {
        if (over) return
        over = true
        signal.removeEventListener('abort', giveUp)
        if (opened) events.ended(how)
        else reject(unreachable(url, signal.aborted))
      }
      signal.addEventListener('abort', giveUp, { once: true })
      socket.onopen = () => {
        if (over) return
        opened = true
        signal.removeEventListener('abort', giveUp)
        resolve(linkOf(socket, end))
      }
      socket.onmessage = ({ data }: MessageEvent<unknown>) => {
        if (!over && data instanceof ArrayBuffer) events.packet(new Uint8Array(data))
      }
      socket.onclose = ({ code, reason }) => end({ code, reason })
    })
  },
}

function linkOf(socket: WebSocket, end: (how: LinkEnd) => void): Link {
  return {
    send: (packet) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(packet as Uint8Array<ArrayBuffer>)
    },
    get bufferedBytes() {
      return socket.bufferedAmount
    },
    // What the router may send without an acknowledgement bounds what arrives.
    pause: () => {},
    resume: () => {},
    end: (_code, reason) => socket.close(1000, reason.slice(0, 100)),
    terminate: () => {
      socket.close()
      void Promise.resolve().then(() => end({ reason: 'the connection was dropped' }))
    },
  }
}

function unreachable(url: string, silent: boolean): WaybillError {
  const { origin } = globalThis.location
  const why = silent
    ? 'it did not answer in time'
    : `nobody listens there, or it refuses pages of ${quoted(origin)}, which a browser does not tell apart; the router allows them with --origin ${quoted(origin)}`
  return new WaybillError('RouterUnreachable', `no router at ${url}: ${why}`)
}
