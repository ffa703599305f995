/** Which packets of a WebSocket client are masked, seen from the bytes that arrive. */
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { WebSocketServer, type WebSocket } from 'ws'
import { webSocketTransport } from '../src/transports/websocket.js'

/** The mask of a packet of so many bytes, as it stands on the wire. */
async function maskOf(host: string, bytes: number): Promise<Buffer> {
  const server = new WebSocketServer({ host: '0.0.0.0', port: 0, perMessageDeflate: false })
  try {
    await once(server, 'listening')
    const arrived = new Promise<Buffer>((resolve) =>
      server.on('connection', (socket: WebSocket, request: IncomingMessage) => {
        request.socket.prependListener('data', resolve)
        socket.on('message', () => socket.close())
      }),
    )
    const events = { packet: () => {}, ended: () => {} }
    const url = `ws://${host}:${(server.address() as AddressInfo).port}`
    const link = await webSocketTransport.open(url, events, new AbortController().signal)
    link.send(new Uint8Array(bytes).fill(7))
    const frame = await arrived
    // RFC 6455, 5.2: the bit for it is always set.
    expect(frame[1]! & 0x80).toBe(0x80)
    link.terminate()
    const at = (frame[1]! & 0x7f) === 126 ? 4 : 2
    return frame.subarray(at, at + 4)
  } finally {
    server.close()
  }
}

const zeros = Buffer.alloc(4)

test('short ones are masked, and so is everything that a proxy could read; long ones inside one machine are not', async () => {
  expect((await maskOf('127.0.0.1', 100)).equals(zeros)).toBe(false)
  expect((await maskOf('127.0.0.1', 20_000)).equals(zeros)).toBe(true)
  // An address of this machine, but not one that says so.
  expect((await maskOf('0.0.0.0', 20_000)).equals(zeros)).toBe(false)
})
