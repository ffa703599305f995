/**
 * The API over WebSockets: one context for all that a client asks on its socket. What a peer may cost before it is known is bounded here, as at the gateway: time,
 * and bytes before its first message.
 */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { getWSConnectionHandler } from '@trpc/server/adapters/ws'
import { MAX_INTRODUCTION_BYTES, WaybillError } from '@waybill/core'
import { WebSocketServer, type WebSocket } from 'ws'
import { tokenIn } from '../access.js'
import type { Known } from '../admission.js'
import type { TrpcApi } from './api.js'
import { trpcErrorOf } from './failures.js'
import type { ApiParts, Context } from './procedures.js'
import { MAX_BATCH } from './requests.js'

const CLOSE_MS = 1000
/** Of who is shut out: from then on. */
const LAST_WORDS_MS = 100
const GONE_MS = 500
const MAX_FRAGMENTS = 64
const MAX_BUFFERED_CHUNKS = 65_536
const MAX_PONG_BACKLOG_BYTES = 64 * 1024
/** Nothing was heard for so long: it is asked, and has so long to say something. */
const KEEP_ALIVE = { enabled: true, pingMs: 30_000, pongWaitMs: 5000 }
/** Closed by the router: who was here is shut out, or the router goes. */
const GONE_CODE = 4000

export class TrpcSockets {
  readonly #parts: ApiParts
  readonly #api: TrpcApi
  readonly #server: WebSocketServer

  /** `mostBytes`: of one message. */
  constructor(parts: ApiParts, api: TrpcApi, mostBytes: number) {
    this.#parts = parts
    this.#api = api
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: mostBytes,
      maxFragments: MAX_FRAGMENTS,
      maxBufferedChunks: MAX_BUFFERED_CHUNKS,
      autoPong: false,
      closeTimeout: CLOSE_MS,
    } as ConstructorParameters<typeof WebSocketServer>[0])
  }

  /** Of a request that may come in. */
  upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    this.#server.handleUpgrade(request, socket, head, (webSocket) => this.#admit(webSocket, request, socket))
  }

  #admit(webSocket: WebSocket, request: IncomingMessage, socket: Socket): void {
    socket.setNoDelay(true)
    const connection = new Connection(this.#parts, webSocket, request, socket)
    const serve = getWSConnectionHandler({
      wss: this.#server,
      router: this.#api,
      maxBatchSize: MAX_BATCH,
      keepAlive: KEEP_ALIVE,
      createContext: ({ info }) => connection.context(info.connectionParams?.['token']),
      onError: () => {},
    })
    serve(webSocket, request)
    connection.begin()
  }
}

class Connection {
  readonly #parts: ApiParts
  readonly #webSocket: WebSocket
  readonly #request: IncomingMessage
  readonly #socket: Socket
  #isKnown = false
  #isHeard = false

  constructor(parts: ApiParts, webSocket: WebSocket, request: IncomingMessage, socket: Socket) {
    this.#parts = parts
    this.#webSocket = webSocket
    this.#request = request
    this.#socket = socket
  }

  /** Behind tRPC's own listeners. */
  begin(): void {
    const { router } = this.#parts
    const webSocket = this.#webSocket
    const timer = router.clock.timer(router.openingMs, () => {
      if (!this.#isKnown) webSocket.terminate()
    })
    let unknownBytes = 0
    const count = (chunk: Buffer): void => {
      unknownBytes += chunk.byteLength
      if (this.#isKnown || this.#isHeard) this.#socket.off('data', count)
      else if (unknownBytes > MAX_INTRODUCTION_BYTES) webSocket.terminate()
    }
    this.#socket.on('data', count)
    webSocket.once('message', () => (this.#isHeard = true))
    webSocket.on('message', () => this.#slow())
    webSocket.on('ping', (content) => {
      if (webSocket.bufferedAmount <= MAX_PONG_BACKLOG_BYTES) webSocket.pong(content)
    })
    webSocket.once('close', () => timer.cancel())
  }

  /** Once for the connection: who shows the token, which stands in its first message or in the header of its upgrade. */
  async context(shown: string | undefined): Promise<Context> {
    // Until it is known who it is, no more is read than was on its way.
    this.#webSocket.pause()
    try {
      const { router } = this.#parts
      const { host = '', authorization } = this.#request.headers
      const token = shown ?? tokenIn(authorization)
      const known = await router.identify(token)
      this.#isKnown = true
      this.#stays(known)
      const base = `${'encrypted' in this.#socket ? 'https' : 'http'}://${host}`
      return { known, token, base, ready: () => this.#ready() }
    } catch (thrown) {
      throw trpcErrorOf(this.#parts.disclosed(WaybillError.from(thrown)))
    } finally {
      this.#webSocket.resume()
    }
  }

  #stays(known: Known): void {
    const opened = this.#parts.who.opened(known)
    const webSocket = this.#webSocket
    if (webSocket.readyState !== webSocket.OPEN) return opened.close()
    opened.signal.addEventListener('abort', () => {
      const { code } = opened.signal.reason as WaybillError
      const { clock } = this.#parts.router
      // Nothing more is taken of it; its subscriptions have a moment to say why they end.
      webSocket.pause()
      clock.timer(LAST_WORDS_MS, () => webSocket.close(GONE_CODE, code))
      clock.timer(GONE_MS, () => webSocket.terminate())
    })
    webSocket.once('close', () => opened.close())
  }

  /** Who does not read what he asks for is read no further. */
  #slow(): void {
    if (this.#webSocket.bufferedAmount <= this.#parts.router.maxOutboundBytes || this.#webSocket.isPaused) return
    this.#webSocket.pause()
    void this.#ready().then(() => this.#webSocket.resume())
  }

  async #ready(): Promise<void> {
    const most = this.#parts.router.maxOutboundBytes
    while (this.#webSocket.bufferedAmount > most && this.#webSocket.readyState === this.#webSocket.OPEN)
      await new Promise<void>((resolve) => {
        const done = (): void => {
          this.#socket.off('drain', done)
          this.#webSocket.off('close', done)
          resolve()
        }
        this.#socket.on('drain', done)
        this.#webSocket.on('close', done)
      })
  }
}
