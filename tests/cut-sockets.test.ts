/**
 * The same over real WebSockets, through a small TCP proxy that counts bytes: a connection is cut at the edge of a packet, one byte
 * before and one byte after it, and at offsets from a seed. After the cut the proxy lets everything through, so each run must end as if
 * nothing had happened.
 */
import { connect as connectTcp, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { service } from '@waybill/client'
import { realHarness, Seeded, type RealHarness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'
import { WebSocketEdges } from './fixtures/edges.js'

interface Dog {
  bark(caller: string, number: number): number
}
const dog = service<Dog>('Dog@1.0.0', { bark: {} })
const CALLS = 24

type Direction = 'up' | 'down'

/** At a WebSocket message's end plus `delta` bytes, or at a byte of the whole stream, the HTTP upgrade included. */
type Cut =
  | { readonly direction: Direction; readonly message: number; readonly delta: number }
  | { readonly direction: Direction; readonly offset: number }

class Proxy implements AsyncDisposable {
  /** For the next connection only. */
  cut: Cut | undefined
  cuts = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  constructor(port: number) {
    this.#server = createServer((client) => {
      const { cut } = this
      this.cut = undefined
      const router = connectTcp(port, '127.0.0.1')
      for (const socket of [client, router]) {
        this.#sockets.add(socket)
        socket.setNoDelay(true).on('error', () => {})
        socket.on('close', () => {
          this.#sockets.delete(socket)
          client.destroy()
          router.destroy()
        })
      }
      this.#pump(client, router, cut?.direction === 'up' ? cut : undefined)
      this.#pump(router, client, cut?.direction === 'down' ? cut : undefined)
    })
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  #pump(from: Socket, to: Socket, cut: Cut | undefined): void {
    const edges = new WebSocketEdges()
    let passed = 0
    from.on('data', (chunk: Buffer) => {
      edges.feed(chunk)
      const limit = cut === undefined ? undefined : limitOf(cut, edges.ends)
      if (limit === undefined || passed + chunk.length < limit) {
        passed += chunk.length
        to.write(chunk)
        return
      }
      // What is before the limit still arrives; the rest and the connection do not.
      this.cuts++
      from.removeAllListeners('data')
      to.end(chunk.subarray(0, Math.max(0, limit - passed)), () => from.destroy())
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

/** The byte to cut at, as soon as it is known. */
function limitOf(cut: Cut, ends: readonly number[]): number | undefined {
  if ('offset' in cut) return cut.offset
  // One byte past the end is only known to be wanted when that end is.
  const end = ends[cut.message - 1]
  return end === undefined ? undefined : end + cut.delta
}

async function run(h: RealHarness, proxy: Proxy, url: string, name: string, cut: Cut): Promise<number[]> {
  proxy.cut = cut
  const caller = await h.client(name, { url, backoff: { firstMs: 5, mostMs: 20 } })
  const remote = caller.remote(dog, { deadline: 10_000 })
  const results: Promise<number>[] = []
  for (let number = 0; number < CALLS; number++) {
    results.push(remote.bark(name, number))
    if (number % 3 === 2) await new Promise((resolve) => setImmediate(resolve))
  }
  const settled = await Promise.all(results)
  await caller.close({ drainMs: 0 })
  return settled
}

const random = new Seeded(24111602)
const directions = ['up', 'down'] as const
const cases: readonly Cut[] = [
  ...directions.flatMap((direction) => [1, 2, 3, 5, 8].flatMap((message) => [-1, 0, 1].map((delta) => ({ direction, message, delta })))),
  ...directions.flatMap((direction) => Array.from({ length: 8 }, () => ({ direction, offset: random.whole(1, 1500) }))),
]

describe('a connection that is cut', () => {
  test(`at ${cases.length} places comes back, and each call runs once and in order`, { timeout: 30_000 }, async () => {
    await using h = await realHarness()
    await using proxy = new Proxy(h.router.port!)
    const url = await proxy.listen()
    const ran = new Map<string, number[]>()
    const worker = await h.client('worker')
    await worker.expose(dog, {
      bark: (caller, number) => {
        ran.set(caller, [...(ran.get(caller) ?? []), number])
        return number + 1
      },
    })
    const numbers = Array.from({ length: CALLS }, (_, number) => number)
    for (const [index, cut] of cases.entries()) {
      const name = `caller-${index}`
      const results = await run(h, proxy, url, name, cut)
      expect(results, JSON.stringify(cut)).toEqual(numbers.map((number) => number + 1))
      expect(ran.get(name), JSON.stringify(cut)).toEqual(numbers)
    }
    // Where a run needed fewer messages than the case asks for, nothing was cut; that must stay the exception.
    expect(proxy.cuts).toBeGreaterThan(cases.length * 0.8)
  })
})
