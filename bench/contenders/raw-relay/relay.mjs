// The relay a person writes in an afternoon: parse the message, look at `to`, pass the same bytes on; an event to each who asked for its topic.
import { WebSocketServer } from 'ws'

/** @returns {Promise<string>} the address to connect to */
export async function open() {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  /** @type {Map<number, import('ws').WebSocket>} */
  const sockets = new Map()
  /** @type {Map<string, Set<import('ws').WebSocket>>} */
  const topics = new Map()
  let connections = 0
  server.on('connection', (socket) => {
    const id = ++connections
    sockets.set(id, socket)
    socket.on('message', (bytes) => {
      const { to, topic, subscribe } = JSON.parse(bytes)
      if (to !== undefined) sockets.get(to)?.send(bytes, { binary: false })
      else if (topic !== undefined) for (const subscriber of topics.get(topic) ?? []) subscriber.send(bytes, { binary: false })
      else {
        topics.set(subscribe, (topics.get(subscribe) ?? new Set()).add(socket))
        socket.send(JSON.stringify({ subscribed: subscribe }))
      }
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      sockets.delete(id)
      for (const subscribers of topics.values()) subscribers.delete(socket)
    })
    socket.send(JSON.stringify({ you: id }))
  })
  await new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject))
  return `ws://127.0.0.1:${server.address().port}`
}
