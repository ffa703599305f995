// The relay a person writes in an afternoon: parse the message, look at `to`, pass the same bytes on.
import { WebSocketServer } from 'ws'

/** @returns {Promise<string>} the address to connect to */
export async function open() {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  /** @type {Map<number, import('ws').WebSocket>} */
  const sockets = new Map()
  let connections = 0
  server.on('connection', (socket) => {
    const id = ++connections
    sockets.set(id, socket)
    socket.on('message', (bytes) => {
      const { to } = JSON.parse(bytes)
      sockets.get(to)?.send(bytes, { binary: false })
    })
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(id))
    socket.send(JSON.stringify({ you: id }))
  })
  await new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject))
  return `ws://127.0.0.1:${server.address().port}`
}
