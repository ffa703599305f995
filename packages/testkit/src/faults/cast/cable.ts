/**
 * The way between one client and the router, over bare sockets. Knows where packets begin and end, and nothing of what stands in them: passes them on,
 * late, twice, in part, or not at all.
 */
import { LENGTH_BYTES, readU32 } from '@waybill/core'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { nowMs, pause } from '../now.js'

export type Direction = 'up' | 'down'

interface Cut {
  readonly direction: Direction
  /** Beside the end of a packet. */
  readonly delta: number
}

export class Cable {
  delayMs = 0
  #cut: Cut | undefined
  #double: Direction | undefined
  #swallows = false
  /** What the client said first, on its present connection. */
  #opening: Buffer | undefined
  readonly #sockets = new Set<Socket>()
  readonly #server: Server

  constructor(readonly routerPort: number) {
    this.#server = createServer((client) => this.#dialled(client))
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `tcp://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** From now on nothing arrives, in either direction, and nobody hears of it; also for who connects anew. */
  swallow(): void {
    this.#swallows = true
  }

  /** What was swallowed is missing, so its connections end. */
  heal(): void {
    this.delayMs = 0
    this.#cut = undefined
    this.#double = undefined
    if (!this.#swallows) return
    this.#swallows = false
    for (const socket of this.#sockets) socket.destroy()
  }

  /** The connection ends at the next packet of that direction, so many bytes beside its end. */
  cutNext(cut: Cut): void {
    this.#cut = cut
  }

  /** The next packet of that direction arrives twice. */
  doubleNext(direction: Direction): void {
    this.#double = direction
  }

  /** What the client said when it connected arrives once more on a second connection, as from an attempt that was thought lost. */
  dialAgain(forMs: number): void {
    if (this.#opening === undefined) return
    const socket = connect(this.routerPort, '127.0.0.1')
    this.#own(socket)
    socket.write(this.#opening)
    socket.resume()
    void pause(forMs).then(() => socket.destroy())
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #dialled(client: Socket): void {
    const router = connect(this.routerPort, '127.0.0.1')
    const ended = (): void => {
      // Who is cut off does not hear that the other one has gone.
      if (this.#swallows) return
      client.destroy()
      router.destroy()
    }
    for (const socket of [client, router]) this.#own(socket).setNoDelay(true).on('close', ended)
    this.#pump(client, router, 'up')
    this.#pump(router, client, 'down')
  }

  #own(socket: Socket): Socket {
    this.#sockets.add(socket)
    return socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket))
  }

  #pump(from: Socket, to: Socket, direction: Direction): void {
    let waiting: Buffer[] = []
    let waitingBytes = 0
    let packets = 0
    let rest = Infinity
    let late = Promise.resolve()
    const pass = (bytes: Buffer): void => {
      if (to.destroyed) return
      if (!to.write(bytes.subarray(0, rest))) {
        from.pause()
        to.once('drain', () => from.resume())
      }
      rest -= bytes.length
      if (rest <= 0) to.end(() => (from.destroy(), to.destroy()))
    }
    const packet = (bytes: Buffer): void => {
      if (this.#swallows) return
      if (packets++ === 0 && direction === 'up') this.#opening = bytes
      if (this.#cut?.direction === direction && rest === Infinity) {
        rest = Math.max(1, bytes.length + this.#cut.delta)
        this.#cut = undefined
      }
      const times = this.#double === direction && packets > 1 ? 2 : 1
      if (times === 2) this.#double = undefined
      const { delayMs } = this
      const dueMs = nowMs() + delayMs
      for (let time = 0; time < times; time++) {
        // In order, also behind what still waits.
        if (delayMs === 0 && pending === 0) pass(bytes)
        else {
          pending++
          late = late.then(() => pause(Math.max(0, dueMs - nowMs()))).then(() => (pending--, pass(bytes)))
        }
      }
    }
    let pending = 0
    from.on('data', (chunk: Buffer) => {
      waiting.push(chunk)
      waitingBytes += chunk.length
      for (;;) {
        if (waitingBytes < LENGTH_BYTES) return
        if (waiting[0]!.length < LENGTH_BYTES) waiting = [Buffer.concat(waiting)]
        const whole = LENGTH_BYTES + readU32(waiting[0]!, 0)
        if (waitingBytes < whole) return
        const all = waiting.length === 1 ? waiting[0]! : Buffer.concat(waiting)
        waiting = all.length > whole ? [all.subarray(whole)] : []
        waitingBytes -= whole
        packet(all.subarray(0, whole))
      }
    })
  }
}
