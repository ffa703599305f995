/** The acceptance suite on every door: memory, WebSocket, TCP, Unix; in every weather that bytes can have there. */
import type { LinkEvents, Transport } from '@waybill/core'
import { parseSocketUrl, printSocketUrl } from '@waybill/core'
import { createRouter, type RouterOptions } from '@waybill/server'
import { realHarness } from '@waybill/testkit'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type Client } from '@waybill/client'
import { afterAll } from 'vitest'
import { acceptance, weathers, type Place, type Weather } from './acceptance.js'
import { ByteProxy, type Cut } from './fixtures/byte-proxy.js'
import { FramedEdges, WebSocketEdges } from './fixtures/edges.js'

const folder = mkdtempSync(join(tmpdir(), 'waybill-'))
afterAll(() => rmSync(folder, { recursive: true }))
let files = 0

/** Small frames, so that a body of a few kilobytes is many; exceptions are told to nobody. */
const limits = { maxFrameBytes: 2048 }
const quiet = { onIncident: () => {} }
const backoff = { firstMs: 3, mostMs: 10 }
const SLOW_BYTES = 700

async function openMemory(weather: Weather): Promise<Place> {
  const router = await createRouter({ name: 'router', listen: false, limits })
  const clients: Client[] = []
  const place = {
    cuts: 0,
    client: async (name: string, cut?: Cut) => {
      const transport = weathered(router.transport, weather, cut, () => place.cuts++)
      const client = await connect('memory:', { name, transport, backoff, ...quiet })
      clients.push(client)
      return client
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(clients.map((client) => client.close({ drainMs: 0 })))
      await router.close()
    },
  }
  return place
}

/** Packets that take a few turns of the loop; a first link that ends before or after one of them. */
function weathered(transport: Transport, weather: Weather, cut: Cut | undefined, happened: () => void): Transport {
  let isFirst = true
  return {
    open: async (url, events, signal) => {
      const due = isFirst && cut !== undefined ? ('offset' in cut ? { ...cut, message: 1 + (cut.offset % 6), delta: 0 } : cut) : undefined
      isFirst = false
      const seen = { up: 0, down: 0 }
      /** Whether the packet goes on. */
      let isCut = false
      const passes = (direction: 'up' | 'down'): boolean => {
        if (isCut) return false
        if (due?.direction !== direction || ++seen[direction] !== due.message) return true
        isCut = true
        happened()
        setImmediate(() => link.terminate())
        return due.delta >= 0
      }
      const slowly = (run: () => void): void => void setImmediate(() => setImmediate(run))
      const arriving: LinkEvents = {
        packet: (packet) => {
          if (!passes('down')) return
          if (weather === 'slow') slowly(() => events.packet(packet))
          else events.packet(packet)
        },
        ended: (end) => (weather === 'slow' ? slowly(() => events.ended(end)) : events.ended(end)),
      }
      const link = await transport.open(url, arriving, signal)
      return {
        send: (packet) => void (passes('up') && link.send(packet)),
        bufferedBytes: 0,
        pause: () => link.pause(),
        resume: () => link.resume(),
        end: (code, reason) => link.end(code, reason),
        terminate: () => link.terminate(),
      }
    },
  }
}

function overSockets(options: () => Pick<RouterOptions, 'tcp' | 'unix'>): (weather: Weather) => Promise<Place> {
  return async (weather) => {
    const h = await realHarness({ limits, ...options() })
    const url = h.router.urls.at(-1)!
    const target = url.startsWith('ws') ? undefined : parseSocketUrl(url)
    const path = target?.kind === 'unix' ? join(folder, `${++files}.proxy`) : undefined
    const proxy = new ByteProxy({
      router: target?.kind === 'unix' ? { path: target.path } : { host: '127.0.0.1', port: Number(new URL(url).port) },
      ...(path !== undefined && { path }),
      pace: weather === 'slow' ? SLOW_BYTES : weather === 'one byte at a time' ? 1 : undefined,
      edges: () => (target === undefined ? new WebSocketEdges() : new FramedEdges()),
    })
    const port = await proxy.listen()
    const way =
      target === undefined
        ? `ws://127.0.0.1:${port}`
        : printSocketUrl(path === undefined ? { kind: 'tcp', host: '127.0.0.1', port, tls: false } : { kind: 'unix', path })
    const clients: Client[] = []
    return {
      client: async (name, cut) => {
        proxy.cut = cut
        const client = await h.client(name, { url: weather === 'clean' ? url : way, backoff, ...quiet })
        clients.push(client)
        return client
      },
      get cuts() {
        return proxy.cuts
      },
      [Symbol.asyncDispose]: async () => {
        // First the clients, as a proxy that is gone would be a broken link.
        await Promise.all(clients.map((client) => client.close({ drainMs: 0 })))
        await proxy[Symbol.asyncDispose]()
        await h[Symbol.asyncDispose]()
      },
    }
  }
}

// What has no stream of bytes cannot be cut into them.
acceptance({ name: 'memory', weathers: weathers.filter((weather) => weather !== 'one byte at a time'), open: openMemory })
acceptance({ name: 'WebSocket', weathers, open: overSockets(() => ({})) })
acceptance({ name: 'TCP', weathers, open: overSockets(() => ({ tcp: { port: 0 } })) })
acceptance({ name: 'Unix', weathers, open: overSockets(() => ({ unix: join(folder, `${++files}.sock`) })) })
