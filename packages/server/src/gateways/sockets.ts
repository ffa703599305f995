/**
 * The gateways for bare sockets: TCP, TLS and Unix, each message behind its length. Know the entrance and nothing behind it. What a peer may
 * cost before it is known is bounded by the introduction's length and by `openingMs`; an HTTP request of a web page is no message, as its first
 * letters are a length beyond any limit.
 */
import { chmodSync, existsSync, lstatSync, unlinkSync, type Stats } from 'node:fs'
import { connect, createServer, type AddressInfo, type ListenOptions, type Server, type Socket } from 'node:net'
import { dirname, resolve as absolute } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import { isMainThread } from 'node:worker_threads'
import { MAX_INTRODUCTION_BYTES, printSocketUrl, SocketLink, WaybillError, writeOpening, type Ports } from '@waybill/core'
import type { Entrance } from '../entrance.js'
import { cannotListen } from './websocket.js'

export interface TcpOptions {
  readonly host: string
  /** 0 for any free one. */
  readonly port: number
  readonly tls?: { readonly key: string | Buffer; readonly cert: string | Buffer }
}

export interface UnixOptions {
  readonly path: string
  /** Of the socket's file: who may connect. Default 0600. */
  readonly mode?: number
}

export interface Listening {
  readonly url: string
  readonly port: number | undefined
  close(): Promise<void>
}

/** How long clients have for their goodbyes before their sockets are destroyed. */
const CLOSE_MS = 1000
const CLOSED_CODE = 4000
const DEFAULT_MODE = 0o600
/** What `sockaddr_un` has room for. */
const MAX_PATH_BYTES = process.platform === 'linux' ? 107 : 103

/** Rejects with what went wrong, `EADDRINUSE` for one, as `WaybillError`. */
export async function listenTcp(entrance: Entrance, ports: Ports, options: TcpOptions): Promise<Listening> {
  const { host, tls } = options
  const admitted = (socket: Socket): void => {
    socket.setNoDelay(true)
    admit(entrance, ports, socket)
  }
  const server = tls === undefined ? createServer(admitted) : createTlsServer({ ...tls, handshakeTimeout: entrance.openingMs }, admitted)
  // Without a listener, a socket whose handshake takes too long is not closed.
  server.on('tlsClientError', (_error: Error, socket: Socket) => socket.destroy())
  await opened(server, { host, port: options.port }, (error) => cannotListen(error, options))
  const { port } = server.address() as AddressInfo
  return { url: printSocketUrl({ kind: 'tcp', host, port, tls: tls !== undefined }), port, close: closing(server, ports) }
}

/**
 * The file that a dead router left is replaced; nothing else that stands there is touched. Rejects with `RouterUnreachable` where the path is not to
 * be had, `BadAddress` where it is none.
 */
export async function listenUnix(entrance: Entrance, ports: Ports, { path, mode = DEFAULT_MODE }: UnixOptions): Promise<Listening> {
  const file = absolute(path)
  if (path === '' || path.includes('\0')) throw new WaybillError('BadAddress', `${JSON.stringify(path)} is not the path of a socket`)
  const bytes = Buffer.byteLength(file)
  if (bytes > MAX_PATH_BYTES) {
    throw new WaybillError('BadAddress', `the path of a socket has at most ${MAX_PATH_BYTES} bytes, and ${file} has ${bytes}`)
  }
  await vacate(file)
  const server = createServer((socket) => admit(entrance, ports, socket))
  // The file comes to be with the mode that the mask leaves, so nobody else has a moment in which to connect. Nothing runs in between.
  const mask = isMainThread ? process.umask(0o777 & ~mode) : undefined
  let listening: Promise<void>
  try {
    listening = opened(server, { path: file, exclusive: true }, (error) => cannotTake(file, error))
  } finally {
    if (mask !== undefined) process.umask(mask)
  }
  await listening
  chmodSync(file, mode)
  // The file is removed with the server.
  return { url: printSocketUrl({ kind: 'unix', path: file }), port: undefined, close: closing(server, ports) }
}

function admit(entrance: Entrance, ports: Ports, socket: Socket): void {
  let isKnown = false
  const link = new SocketLink(socket, {
    ports,
    mostBytesUnknown: MAX_INTRODUCTION_BYTES,
    mostBytes: entrance.maxPacketBytes,
    faulty: (fault) => {
      if (isKnown) return link.terminate(fault)
      link.send(writeOpening({ refused: { code: 'ProtocolViolation', message: fault } }))
      link.end(CLOSED_CODE, fault)
    },
  })
  const events = entrance.admit(link)
  link.join({
    packet: (packet) => {
      isKnown = true
      events.packet(packet)
    },
    ended: (end) => events.ended(end),
  })
}

function opened(server: Server, where: ListenOptions, failed: (error: NodeJS.ErrnoException) => WaybillError): Promise<void> {
  return new Promise((resolve, reject) => {
    server.on('error', (error: NodeJS.ErrnoException) => reject(failed(error)))
    server.listen(where, resolve)
  })
}

/** Ends the listening, and after a second whatever is still open. */
function closing(server: Server, { clock }: Ports): () => Promise<void> {
  const open = new Set<Socket>()
  // Of TLS too: these are the sockets below it.
  server.on('connection', (socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
  })
  return () =>
    new Promise((resolve) => {
      const timer = clock.timer(CLOSE_MS, () => open.forEach((socket) => socket.destroy()))
      server.close(() => {
        timer.cancel()
        resolve()
      })
    })
}

/** Removes a socket that nobody listens on. Resolves where the path is free, rejects where it is not. */
async function vacate(file: string): Promise<void> {
  const before = found(file)
  if (before === undefined) return
  if (!before.isSocket()) {
    throw new WaybillError('RouterUnreachable', `${file} is there and is no socket; remove it or choose another path`)
  }
  const code = await new Promise<string | undefined>((resolve) => {
    const probe = connect({ path: file }, () => {
      probe.destroy()
      resolve(undefined)
    })
    probe.on('error', (error: NodeJS.ErrnoException) => resolve(error.code))
  })
  if (code === 'EACCES') throw cannotTake(file, Object.assign(new Error('the socket is another user’s'), { code }))
  if (code !== 'ECONNREFUSED' && code !== 'ENOENT') throw cannotTake(file, Object.assign(new Error('it is in use'), { code: 'EADDRINUSE' }))
  // Another router may have been quicker, and then it is its own.
  if (found(file)?.ino !== before.ino) return
  try {
    unlinkSync(file)
  } catch (thrown) {
    throw cannotTake(file, thrown as NodeJS.ErrnoException)
  }
}

function found(file: string): Stats | undefined {
  try {
    return lstatSync(file, { throwIfNoEntry: false })
  } catch (thrown) {
    throw cannotTake(file, thrown as NodeJS.ErrnoException)
  }
}

function cannotTake(file: string, error: NodeJS.ErrnoException): WaybillError {
  // A socket in no folder is said to be forbidden.
  const code = error.code === 'EACCES' && !existsSync(dirname(file)) ? 'ENOENT' : (error.code ?? '')
  const reasons: Record<string, string> = {
    EADDRINUSE: `${file} is taken: another process listens on it; stop it or choose another path`,
    EACCES: `${file} may not be opened by this user; choose another path`,
    EPERM: `${file} may not be opened by this user; choose another path`,
    ENOENT: `there is no folder for ${file}`,
    ENOTDIR: `there is no folder for ${file}`,
  }
  return new WaybillError('RouterUnreachable', reasons[code] ?? `cannot listen on ${file}: ${error.message}`, {
    details: { syscall: code, path: file },
    cause: error,
  })
}
