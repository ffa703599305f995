/** Links over WebSockets, with `ws`. */
import { WaybillError, type Link, type Transport } from '@waybill/core'
import { WebSocket } from 'ws'

/** Longest packet that a router may send: one frame and what is gathered before an early flush, with room to spare. */
const MAX_PACKET_BYTES = 4 * 1024 * 1024

export const webSocketTransport: Transport = {
  open(url, events, signal) {
    return new Promise((resolve, reject) => {
      const masks = isPrivate(url) ? new Masks() : undefined
      const socket = new WebSocket(url, {
        perMessageDeflate: false,
        maxPayload: MAX_PACKET_BYTES,
        skipUTF8Validation: true,
        ...(masks && { generateMask: masks.fill }),
      })
      let opened = false
      const giveUp = (): void => socket.terminate()
      signal.addEventListener('abort', giveUp, { once: true })
      socket.on('open', () => {
        opened = true
        signal.removeEventListener('abort', giveUp)
        resolve(linkOf(socket, masks))
      })
      socket.on('unexpected-response', (request, response) => {
        const { statusCode = 0 } = response
        readText(response, (text) => reject(refused(url, statusCode, text)))
        request.on('error', () => reject(refused(url, statusCode, '')))
      })
      socket.on('error', (error) => {
        if (!opened) reject(unreachable(url, error.message, error))
        socket.terminate()
      })
      socket.on('message', (data, isBinary) => isBinary && events.packet(data as Buffer))
      socket.on('close', (code, reason) => {
        signal.removeEventListener('abort', giveUp)
        if (opened) events.ended({ code, reason: reason.toString('latin1') })
        else reject(unreachable(url, signal.aborted ? 'it did not answer in time' : 'the connection was closed'))
      })
    })
  },
}

/** From this length on masking a packet costs more than the two writes that it takes without. */
const UNMASKED_BYTES = 8 * 1024

/**
 * RFC 6455 masks what a client sends so that no one can make a careless proxy take it for an HTTP request. Where there is no proxy that could read
 * it, under TLS and inside one machine, long packets go with a mask of zeros: that is what `ws` leaves out. Its byte by byte masking took
 * a third of the time of a stream.
 */
class Masks {
  isOff = false
  readonly #pool = new Uint8Array(8192)
  #at = 0

  readonly fill = (mask: Uint8Array): void => {
    if (this.isOff) return void mask.fill(0)
    if (this.#at === 0) crypto.getRandomValues(this.#pool)
    mask.set(this.#pool.subarray(this.#at, this.#at + 4))
    this.#at = (this.#at + 4) % this.#pool.byteLength
  }
}

function isPrivate(url: string): boolean {
  const { protocol, hostname } = new URL(url)
  return protocol === 'wss:' || hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname)
}

function linkOf(socket: WebSocket, masks: Masks | undefined): Link {
  return {
    send: (packet) => {
      if (socket.readyState !== WebSocket.OPEN) return
      if (masks !== undefined) masks.isOff = packet.byteLength >= UNMASKED_BYTES
      socket.send(packet)
    },
    get bufferedBytes() {
      return socket.bufferedAmount
    },
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    end: (code, reason) => socket.close(code, reason.slice(0, 100)),
    terminate: () => socket.terminate(),
  }
}

/** The HTTP answer of something that refused the upgrade: the router says why in plain text. */
function refused(url: string, status: number, text: string): WaybillError {
  if (status === 401) return new WaybillError('Unauthorized', text || `${url} answered 401`)
  if (status === 403) return new WaybillError('Forbidden', text || `${url} answered 403`)
  return unreachable(url, `it answered HTTP ${status}`)
}

function unreachable(url: string, reason: string, cause?: unknown): WaybillError {
  return new WaybillError('RouterUnreachable', `no router at ${url}: ${reason}`, { cause })
}

function readText(response: NodeJS.ReadableStream, done: (text: string) => void): void {
  let text = ''
  response.on('data', (chunk: Buffer) => {
    if (text.length < 500) text += chunk.toString('latin1')
  })
  response.on('end', () => done(text.slice(0, 500).trim()))
  response.on('error', () => done(text.slice(0, 500).trim()))
}
