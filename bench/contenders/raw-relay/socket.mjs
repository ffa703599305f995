import WebSocket from 'ws'

/**
 * A connection that knows its number; every later message is parsed and given to `receive`.
 * @param {string} url
 * @param {(message: any, socket: WebSocket) => void} receive
 * @returns {Promise<{ id: number, socket: WebSocket }>}
 */
export function join(url, receive) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url)
    socket.once('error', reject)
    socket.once('message', (bytes) => {
      socket.on('message', (bytes) => receive(JSON.parse(bytes), socket))
      resolve({ id: JSON.parse(bytes).you, socket })
    })
  })
}
