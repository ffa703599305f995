/**
 * The WebSocket gateway: links over `ws`; where the first message is text, the JSON door stands between. Knows the entrance and nothing behind it. What a peer may cost before it is known is bounded here:
 * header time, bytes before the introduction, packet size, fragments; compression is off.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { MAX_INTRODUCTION_BYTES, WaybillError, type Link } from '@waybill/core'
import { WebSocketServer, type WebSocket } from 'ws'
import type { Entrance } from '../entrance.js'
import { JsonDoor } from './json-door.js'
import type { JsonDoorParts } from './json-wire.js'
import { refusalOf, type DoorOptions } from './web-door.js'

export interface ListenOptions extends DoorOptions {
  readonly host: string
  /** 0 for any free port. */
  readonly port: number
  /** What is answered to a plain request that may come in, before anything else; undefined: what `web` answers. */
  readonly page?: (request: PageRequest) => Promise<Page | undefined>
  /** Answers all other plain requests that may come in; absent: they are told that this is a router. */
  readonly web?: Web
  /** By path: who takes a WebSocket there instead, once it may come in. */
  readonly upgrades?: ReadonlyMap<string, Upgrade>
  readonly tls?: { readonly key: string | Buffer; readonly cert: string | Buffer }
}

export type Upgrade = (request: IncomingMessage, socket: Socket, head: Buffer) => void

export type Web = (request: IncomingMessage, response: ServerResponse) => void

export interface PageRequest {
  readonly method: string
  readonly path: string
  readonly authorization: string | undefined
}

export interface Page {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

export interface Listening {
  readonly url: string
  readonly port: number
  close(): Promise<void>
}

/** What JSON doors need beside their connection. */
export type JsonDoorOptions = Omit<JsonDoorParts, 'to' | 'router'>

/** How long a peer may take to answer a close before its socket is destroyed. */
const CLOSE_MS = 1000
/** Answers to WebSocket pings wait behind no more than this; further ones are left out. */
const MAX_PONG_BACKLOG_BYTES = 64 * 1024
const MAX_HEADER_BYTES = 8192
const MAX_FRAGMENTS = 64
const MAX_BUFFERED_CHUNKS = 65_536
/** The introduction in its WebSocket frame. */
const MAX_UNKNOWN_BYTES = MAX_INTRODUCTION_BYTES + 64

/** Rejects with what went wrong, `EADDRINUSE` for one, as `WaybillError`. */
export async function listenWebSocket(entrance: Entrance, options: ListenOptions, json: JsonDoorOptions): Promise<Listening> {
  const { host, tls } = options
  const { openingMs } = entrance
  const limits = {
    headersTimeout: openingMs,
    // A large body takes its time; who reads it does not wait for ever, and nobody reads what is not wanted.
    requestTimeout: 0,
    connectionsCheckingInterval: Math.min(1000, openingMs / 2),
    maxHeaderSize: MAX_HEADER_BYTES,
  }
  const server: Server = tls === undefined ? createServer(limits) : createTlsServer({ ...tls, ...limits })
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: entrance.maxPacketBytes,
    maxFragments: MAX_FRAGMENTS,
    maxBufferedChunks: MAX_BUFFERED_CHUNKS,
    skipUTF8Validation: true,
    autoPong: false,
    closeTimeout: CLOSE_MS,
  } as ConstructorParameters<typeof WebSocketServer>[0])
  const open = new Set<Duplex>()
  server.on('connection', (socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
  })
  server.on('request', (request, response) => {
    response.on('finish', () => {
      if (!request.complete) request.destroy()
    })
    void answerTo(request, options).then((page) => {
      if (page === undefined) return options.web!(request, response)
      response.writeHead(page.status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close', ...page.headers })
      response.end(request.method === 'HEAD' ? undefined : page.text)
    })
  })
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy())
    const refusal = refusalOf(request.headers, host, options)
    if (refusal !== undefined) return refuseUpgrade(socket, refusal)
    const other = options.upgrades?.get(request.url!.split('?', 1)[0]!)
    if (other !== undefined) return other(request, socket as Socket, head)
    sockets.handleUpgrade(request, socket, head, (webSocket) => admit(entrance, webSocket, socket as Socket, json))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(cannotListen(error, options)))
    server.listen(options.port, host, resolve)
  })
  const { port } = server.address() as AddressInfo
  const name = host.includes(':') ? `[${host}]` : host
  return {
    url: `${tls === undefined ? 'ws' : 'wss'}://${name}:${port}`,
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        // What is still open has been told goodbye; a second later nobody is waited for.
        const timer = setTimeout(() => open.forEach((socket) => socket.destroy()), 1000)
        server.once('close', () => clearTimeout(timer))
        server.closeIdleConnections()
      }),
  }
}

/** Undefined where `web` answers. */
async function answerTo({ headers, method = '', url = '' }: IncomingMessage, options: ListenOptions): Promise<Page | undefined> {
  const refusal = refusalOf(headers, options.host, options)
  if (refusal !== undefined) return { status: 403, headers: {}, text: `${refusal}\n` }
  const page = await options.page?.({ method, path: url, authorization: headers.authorization })
  if (page !== undefined || options.web !== undefined) return page
  return { status: 426, headers: {}, text: 'This is a Waybill router. Connect with a WebSocket.\n' }
}

function admit(entrance: Entrance, webSocket: WebSocket, socket: Socket, json: JsonDoorOptions): void {
  socket.setNoDelay(true)
  // Until the router has said its first word, the peer is nobody and has had no reason to send anything but its introduction.
  let known = false
  let unknownBytes = 0
  const count = (chunk: Buffer): void => {
    unknownBytes += chunk.byteLength
    if (unknownBytes > MAX_UNKNOWN_BYTES) webSocket.terminate()
  }
  socket.on('data', count)
  const know = (): void => {
    if (known) return
    known = true
    socket.off('data', count)
  }
  /** The first message decides, for good: undefined before it, and for packets. */
  let door: JsonDoor | undefined
  let isBinary: boolean | undefined
  const end = {
    ...(socket.remoteAddress !== undefined && { remote: `${socket.remoteAddress}:${socket.remotePort}` }),
    get bufferedBytes() {
      return webSocket.bufferedAmount
    },
    pause: () => webSocket.pause(),
    resume: () => webSocket.resume(),
    end: (code: number, reason: string) => webSocket.close(code, reason.slice(0, 100)),
    terminate: () => webSocket.terminate(),
  }
  const link: Link = {
    ...end,
    get bufferedBytes() {
      return webSocket.bufferedAmount
    },
    send: (packet) => {
      know()
      if (door === undefined) webSocket.send(packet)
      else door.packet(packet)
    },
    pause: () => (door ?? end).pause(),
    resume: () => (door ?? end).resume(),
  }
  const events = entrance.admit(link)
  const textEnd = Object.assign(end, {
    send: (text: string) => webSocket.send(text, () => door?.flushed()),
    ping: () => webSocket.ping(),
  })
  webSocket.on('ping', (content) => {
    if (webSocket.bufferedAmount <= MAX_PONG_BACKLOG_BYTES) webSocket.pong(content)
  })
  webSocket.on('pong', () => door?.alive())
  webSocket.on('message', (data, binary) => {
    isBinary ??= binary
    if (!isBinary) door ??= new JsonDoor({ ...json, to: textEnd, router: events })
    if (isBinary !== binary) {
      door?.violated('packets do not belong on a connection that began with text')
      webSocket.close(1003, isBinary ? 'text does not belong on a connection that began with packets' : 'packets do not belong here')
    } else if (door === undefined) events.packet(data as Buffer)
    else door.text(data as Buffer)
  })
  webSocket.on('error', () => webSocket.terminate())
  webSocket.on('close', (code, reason) =>
    (door?.closed.bind(door) ?? events.ended.bind(events))({ code, reason: reason.toString('latin1') }),
  )
}

function refuseUpgrade(socket: Duplex, reason: string): void {
  const body = `${reason}\n`
  socket.end(
    `HTTP/1.1 403 Forbidden\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}

/** Of a TCP port, in words. */
export function cannotListen(error: NodeJS.ErrnoException, { host, port }: Pick<ListenOptions, 'host' | 'port'>): WaybillError {
  const reasons: Record<string, string> = {
    EADDRINUSE: `port ${port} on ${host} is taken by another process; stop it or choose another port`,
    EACCES: `port ${port} on ${host} may not be opened by this user; choose one above 1023`,
    EADDRNOTAVAIL: `${host} is not an address of this machine`,
    ENOTFOUND: `${host} is not a host name that can be resolved`,
  }
  return new WaybillError('RouterUnreachable', reasons[error.code ?? ''] ?? `cannot listen on ${host}:${port}: ${error.message}`, {
    details: { syscall: error.code, port },
    cause: error,
  })
}
