/** Links over bare sockets: TCP, TLS and Unix. */
import { parseSocketUrl, SocketLink, WaybillError, type SocketTarget, type Transport } from '@waybill/core'
import { systemPorts } from '@waybill/core/system'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** Longest packet that a router may send: one frame and what is gathered before an early flush, with room to spare. */
const MAX_PACKET_BYTES = 4 * 1024 * 1024

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there',
  ENOENT: 'there is no such socket',
  EACCES: 'this user may not connect to it',
  EPERM: 'this user may not connect to it',
  ENOTSOCK: 'that is no socket',
  ENOTFOUND: 'there is no host of this name',
  EAI_AGAIN: 'the name of the host could not be looked up',
  EHOSTUNREACH: 'there is no way to the host',
  ENETUNREACH: 'there is no way to the network',
  ETIMEDOUT: 'the host did not answer',
  ECONNRESET: 'the connection was closed',
}

export const socketTransport: Transport = {
  open(url, events, signal) {
    return new Promise((resolve, reject) => {
      const target = parseSocketUrl(url)
      if (signal.aborted) return reject(unreachable(url, 'the connection was given up'))
      const [socket, connected] = dial(target)
      const giveUp = (): void => void socket.destroy()
      let reason = 'the connection was closed'
      const failed = ({ code, message }: NodeJS.ErrnoException): void => {
        const words = WORDS[code ?? '']
        reason = words === undefined ? message : `${words} (${code})`
      }
      const ended = (): void => {
        signal.removeEventListener('abort', giveUp)
        reject(unreachable(url, signal.aborted ? 'it did not answer in time' : reason))
      }
      signal.addEventListener('abort', giveUp, { once: true })
      socket.on('error', failed)
      socket.on('close', ended)
      socket.once(connected, () => {
        signal.removeEventListener('abort', giveUp)
        socket.off('close', ended)
        socket.setNoDelay(true)
        const link = new SocketLink(socket, {
          ports: systemPorts,
          mostBytesUnknown: MAX_PACKET_BYTES,
          mostBytes: MAX_PACKET_BYTES,
          faulty: (fault, faulted) => faulted.terminate(fault),
        })
        link.join(events)
        resolve(link)
      })
    })
  },
}

/** The socket, and the event that says that it is ready. */
function dial(target: SocketTarget): readonly [Socket, string] {
  if (target.kind === 'unix') return [connect({ path: target.path }), 'connect']
  const { host, port, tls } = target
  if (tls) return [connectTls({ host, port }), 'secureConnect']
  return [connect({ host, port }), 'connect']
}

function unreachable(url: string, reason: string): WaybillError {
  return new WaybillError('RouterUnreachable', `no router at ${url}: ${reason}`)
}
