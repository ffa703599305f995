// One end of the bare wire: a packet that leaves at the end of the tick, and the frames that arrive.
import WebSocket from 'ws'
import { EARLY_BYTES, HEADER, Packet } from './frames.mjs'

export class Connection {
  /** @param {WebSocket} socket @param {number} number */
  constructor(socket, number) {
    this.number = number
    this.packet = new Packet(socket)
    this.flush = () => this.packet.flush()
  }

  send(type, destination, call, method, body) {
    const { packet } = this
    if (packet.bytes === 0) process.nextTick(this.flush)
    packet.write(type, destination, this.number, call, method, body)
    if (packet.bytes >= EARLY_BYTES) packet.flush()
  }
}

/**
 * @param {string} url
 * @param {(connection: Connection, type: number, source: number, call: number, method: number, body: string) => void} receive
 * @returns {Promise<Connection>} once the relay has said our number
 */
export function join(url, receive) {
  return new Promise((resolve, reject) => {
    // Masked with a random key, as RFC 6455 asks of clients. A key of zeros would spare a quarter of the CPU in batched cells: should
    // Waybill ever do that, so must this.
    const socket = new WebSocket(url, { perMessageDeflate: false })
    socket.once('error', reject)
    socket.once('message', (bytes) => {
      const connection = new Connection(socket, bytes.readUInt32LE(8))
      socket.on('message', (bytes) => read(connection, bytes, receive))
      resolve(connection)
    })
  })
}

/** @param {Connection} connection @param {Buffer} bytes */
function read(connection, bytes, receive) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let at = 0
  while (at + HEADER <= bytes.length) {
    const length = view.getUint32(at, true)
    if (length < HEADER) throw new Error('bare-frames: bad frame')
    const end = at + length
    const body = bytes.utf8Slice(at + HEADER, end)
    receive(connection, bytes[at + 4], view.getUint32(at + 12, true), view.getUint32(at + 16, true), view.getUint32(at + 24, true), body)
    at = end
  }
}
