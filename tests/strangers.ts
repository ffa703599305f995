/** Strangers at the router's door: WebSockets, requests and bare sockets, and how each of them ended. */
import { writeOpening } from '@waybill/core'
import type { RealHarness } from '@waybill/testkit'
import { request, type IncomingMessage } from 'node:http'
import { connect as dial, type Socket } from 'node:net'
import { WebSocket, type ClientOptions } from 'ws'

export const introduction = writeOpening({ incarnation: 'beef'.repeat(5) })

export interface Ending {
  readonly opened: boolean
  /** Of the WebSocket, or of the HTTP answer that refused it. */
  readonly code: number
  readonly text: string
  readonly extensions: string
}

/** Opens a WebSocket, does something with it, and tells how it ended. */
export function visit(
  h: Pick<RealHarness, 'url' | 'router'>,
  options: ClientOptions,
  once: (socket: WebSocket) => void = (socket) => socket.close(1000),
): Promise<Ending> {
  return new Promise((resolve) => {
    const socket = new WebSocket(h.url, options)
    let opened = false
    socket.on('open', () => {
      opened = true
      once(socket)
    })
    socket.on('unexpected-response', (_request, response: IncomingMessage) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += chunk.toString()))
      response.on('end', () => resolve({ opened, code: response.statusCode ?? 0, text, extensions: '' }))
    })
    socket.on('error', () => {})
    socket.on('close', (code, reason) => resolve({ opened, code, text: reason.toString(), extensions: socket.extensions }))
  })
}

export function get(
  h: Pick<RealHarness, 'url' | 'router'>,
  headers: Record<string, string>,
  path = '/',
  method = 'GET',
): Promise<{ status: number; headers: IncomingMessage['headers']; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port: h.router.port, path, method, headers, agent: false }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += chunk.toString()))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }))
    })
    sent.on('error', reject)
    sent.end()
  })
}

/** A plain socket, and how long it stays open. */
export function raw(h: Pick<RealHarness, 'url' | 'router'>, once: (socket: Socket) => void): Promise<number> {
  return new Promise((resolve) => {
    const startMs = performance.now()
    const socket = dial({ host: '127.0.0.1', port: h.router.port! }, () => once(socket))
    socket.on('error', () => {})
    socket.resume()
    socket.on('close', () => resolve(performance.now() - startMs))
  })
}

/** The request of a WebSocket, by hand. */
export const upgrade =
  'GET / HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n'

/** The header of a masked client frame, its mask all zero. */
export function webSocketHeader(opcode: number, length: number, isFinal = true): Buffer {
  const header = Buffer.alloc(14)
  header[0] = opcode | (isFinal ? 0x80 : 0)
  header[1] = 0x80 | 127
  header.writeBigUInt64BE(BigInt(length), 2)
  return header
}
