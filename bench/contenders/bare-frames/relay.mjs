// The bare relay: reads the length and the destination of each frame and nothing else.
import { WebSocketServer } from 'ws'
import { EARLY_BYTES, HEADER, Packet, WELCOME } from './frames.mjs'

/** @returns {Promise<string>} the address to connect to */
export async function open() {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false })
  /** @type {(Packet | undefined)[]} by connection number */
  const packets = [undefined]
  /** @type {Packet[]} those with something to send */
  let waiting = []
  let spare = []

  // After the poll phase: everything that all sockets brought in it leaves together.
  const flush = () => {
    const now = waiting
    waiting = spare
    for (let i = 0; i < now.length; i++) now[i].flush()
    now.length = 0
    spare = now
  }

  const pass = (bytes, start, end, destination) => {
    const packet = packets[destination]
    if (packet === undefined) return
    if (packet.bytes === 0) {
      if (waiting.length === 0) setImmediate(flush)
      waiting.push(packet)
    }
    packet.append(bytes, start, end)
    if (packet.bytes >= EARLY_BYTES) packet.flush()
  }

  /** @param {Buffer} bytes */
  const route = (bytes) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    let start = 0
    let end = 0
    let destination = 0
    while (end + HEADER <= bytes.length) {
      const next = view.getUint32(end + 8, true)
      if (next !== destination) {
        if (end > start) pass(bytes, start, end, destination)
        start = end
        destination = next
      }
      const length = view.getUint32(end, true)
      if (length < HEADER) throw new Error('bare-frames: bad frame')
      end += length
    }
    if (end !== bytes.length) throw new Error('bare-frames: bad packet')
    if (end > start) pass(bytes, start, end, destination)
  }

  server.on('connection', (socket) => {
    const packet = new Packet(socket)
    const number = packets.push(packet) - 1
    socket.on('message', route)
    socket.on('error', () => {})
    socket.on('close', () => (packets[number] = undefined))
    packet.write(WELCOME, number, 0, 0, 0, '')
    packet.flush()
  })
  await new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject))
  return `ws://127.0.0.1:${server.address().port}`
}
