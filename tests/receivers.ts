/** Receivers of webhooks on this machine: servers that answer as they are told, and what they were sent. */
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net'
import { readFileSync } from 'node:fs'
import { WaybillError } from '@waybill/core'
import { systemPorts } from '@waybill/core/system'
import { Webhooks, type WebhookOptions, type WebhookParts } from '../packages/server/src/webhooks/index.js'

export interface Received {
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

export interface Receiver extends AsyncDisposable {
  readonly port: number
  /** What came, whole. */
  readonly received: readonly Received[]
  /** How many connections were begun. */
  readonly connections: number
}

export const certificate = readFileSync(new URL('fixtures/tls/cert.pem', import.meta.url), 'utf8')
const key = readFileSync(new URL('fixtures/tls/key.pem', import.meta.url), 'utf8')

/** Reads the whole request and then answers. */
export const receives = (answer: RequestListener = (_request, response) => response.end(), secure = false): Promise<Receiver> =>
  serves((request, response, received) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      received.push({ url: request.url!, headers: request.headers, body: Buffer.concat(chunks) })
      answer(request, response)
    })
  }, secure)

/** Answers as it likes. */
export function serves(
  serve: (...args: [...Parameters<RequestListener>, received: Received[]]) => void,
  secure = false,
): Promise<Receiver> {
  const received: Received[] = []
  const listener: RequestListener = (request, response) => serve(request, response, received)
  return listening(secure ? createTlsServer({ key, cert: certificate }, listener) : createServer(listener), received)
}

/** A bare socket to each who connects. */
export const takes = (connected: (socket: Socket) => void): Promise<Receiver> => listening(createTcpServer(connected), [])

async function listening(server: Server | TcpServer, received: readonly Received[]): Promise<Receiver> {
  const open = new Set<Socket>()
  let connections = 0
  server.on('connection', (socket: Socket) => {
    connections++
    open.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => open.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    received,
    get connections() {
      return connections
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Posts to this machine, unless it is told otherwise; null: an operator who said nothing. */
export const webhooks = (options: WebhookOptions | null = { loopback: true }, parts: Partial<WebhookParts> = {}): Webhooks =>
  new Webhooks(options ?? undefined, { ports: systemPorts, ...parts })

/** The signal of a post that nobody cancels. */
export const never = new AbortController().signal

/** A port of this machine at which nobody listens. */
export async function deserted(): Promise<number> {
  const { port, [Symbol.asyncDispose]: close } = await takes(() => {})
  await close()
  return port
}

/** What it failed with; fails where it did not. */
export async function failureOf(post: Promise<unknown>): Promise<WaybillError> {
  const thrown = await post.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (thrown instanceof WaybillError) return thrown
  throw new Error('it did not fail with an error of ours', { cause: thrown })
}
