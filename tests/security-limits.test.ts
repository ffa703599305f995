/** What strangers and the slow may cost: before the login and in one message. Over real sockets. Titles begin with the row in docs/rows.md. */
import { defaultLimits as bodyLimits, writeOpening } from '@waybill/core'
import { defaultLimits } from '@waybill/server'
import { harness, realHarness } from '@waybill/testkit'
import type { Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import type { WebSocket } from 'ws'
import { introduction, raw, upgrade, visit, webSocketHeader } from './strangers.js'

const MiB = 1024 * 1024

describe('row 5: before the login', () => {
  test('row 5: one introduction of at most 4 KiB', async () => {
    await using h = await realHarness()
    const long = writeOpening({ incarnation: 'beef'.repeat(5), features: ['x'.repeat(4096)] })
    expect([1006, 4000]).toContain((await visit(h, {}, (socket) => socket.send(long))).code)
    const nearly = writeOpening({ incarnation: 'beef'.repeat(5), features: ['x'.repeat(4038)] })
    expect(nearly.byteLength).toBeGreaterThan(4096)
    expect(await visit(h, {}, (socket) => socket.send(nearly))).toMatchObject({ code: 4000, text: 'TooLarge' })
    // Control frames and fragments count as well.
    const pings = await visit(h, {}, (socket) => Array.from({ length: 60 }, () => socket.ping('x'.repeat(100))))
    expect(pings).toMatchObject({ code: 1006 })
    expect(h.router.load.sessions).toBe(0)
  })

  test('row 5: nothing more while the credentials are being checked', async () => {
    let answer!: (principal: string) => void
    await using h = await realHarness({ authenticate: () => new Promise((resolve) => (answer = resolve)) })
    const second = await visit(h, {}, (socket) => {
      socket.send(introduction)
      socket.send(introduction)
    })
    expect(second.code).toBe(1006)
    const flood = await visit(h, {}, (socket) => {
      socket.send(introduction)
      socket.send(Buffer.alloc(100_000), { fin: false })
    })
    expect(flood.code).toBe(1006)
    answer('late')
    expect(h.router.load.sessions).toBe(0)
  })

  test('row 5: within a time, else the link ends', async () => {
    await using h = await realHarness({ limits: { openingMs: 150 } })
    expect(await visit(h, {}, () => {})).toMatchObject({ opened: true, code: 4000, text: 'ProtocolViolation' })
    expect(defaultLimits.openingMs).toBe(5000)
  })

  test('row 5: no compression', async () => {
    await using h = await realHarness()
    expect((await visit(h, { perMessageDeflate: true })).extensions).toBe('')
  })

  test('row 5: nothing is allocated because a length was announced', async () => {
    await using h = await realHarness()
    const before = process.memoryUsage().arrayBuffers
    const peak = await new Promise<number>((resolve) => {
      let most = 0
      const look = setInterval(() => (most = Math.max(most, process.memoryUsage().arrayBuffers)), 5)
      const all = Array.from({ length: 20 }, () =>
        raw(h, (socket) => {
          socket.write(upgrade)
          socket.write(Buffer.concat([webSocketHeader(2, 100 * MiB), Buffer.alloc(10)]))
        }),
      )
      void Promise.all(all).then(() => {
        clearInterval(look)
        resolve(most)
      })
    })
    expect(peak - before).toBeLessThan(20 * MiB)
  })

  test('row 5: a bounded number of strangers at once', async () => {
    await using h = await realHarness({ limits: { maxOpenings: 2 } })
    const opened: WebSocket[] = []
    const waiting = [visit(h, {}, (socket) => opened.push(socket)), visit(h, {}, (socket) => opened.push(socket))]
    await expect.poll(() => opened.length).toBe(2)
    expect(await visit(h, {}, () => {})).toMatchObject({ code: 4000, text: 'Overloaded' })
    for (const socket of opened) socket.terminate()
    await Promise.all(waiting)
    const client = await h.client('later')
    expect(client.isConnected).toBe(true)
  })
})

describe('row 6: oversize, fragments, bombs', () => {
  test('row 6: the limits are those that are promised', () => {
    expect([defaultLimits.maxFrameBytes, defaultLimits.maxBodyBytes, bodyLimits.maxBodyBytes]).toEqual([MiB, 8 * MiB, 8 * MiB])
  })

  test('row 6: a longer packet ends the link before it is read', async () => {
    await using h = await realHarness()
    const announced = await visit(h, {}, (socket) => {
      socket.send(introduction)
      socket.once('message', () => (socket as unknown as { _socket: Socket })._socket.write(webSocketHeader(2, 100 * MiB)))
    })
    expect(announced.code).toBe(1009)
    const sent = await visit(h, {}, (socket) => {
      socket.send(introduction)
      socket.once('message', () => socket.send(Buffer.alloc(2 * MiB)))
    })
    expect([1006, 1009]).toContain(sent.code)
  })

  test('row 6: many fragments end the link', async () => {
    await using h = await realHarness()
    const ending = await visit(h, {}, (socket) => {
      socket.send(introduction)
      socket.once('message', () => {
        for (let part = 0; part < 100; part++) socket.send(Buffer.alloc(1), { fin: false })
      })
    })
    expect(ending.code).toBe(1008)
  })

  test('row 6: a body above the limit is refused before it is sent', async () => {
    await using h = await realHarness()
    const client = await h.client('caller')
    const { echo } = client.remote<{ echo(bytes: Uint8Array): void }>('Echo')
    await expect(echo(new Uint8Array(8 * MiB + 1))).rejects.toMatchObject({ code: 'TooLarge', executed: 'no' })
  })
})

describe('row 7: who is slow or silent does not stay', () => {
  const closed = (ms: number): void => {
    expect(ms).toBeGreaterThan(100)
    expect(ms).toBeLessThan(4000)
  }

  test('row 7: no request, a request in drips, an upgrade without an introduction', async () => {
    await using h = await realHarness({ limits: { openingMs: 200 } })
    let drip: NodeJS.Timeout | undefined
    const endings = await Promise.all([
      raw(h, () => {}),
      raw(h, (socket) => {
        socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n')
        drip = setInterval(() => socket.write('x-a: b\r\n'), 20)
      }),
      raw(h, (socket) => socket.write(upgrade)),
      raw(h, (socket) => {
        socket.write(upgrade)
        socket.write(Buffer.concat([webSocketHeader(2, 1000), introduction.subarray(0, 3)]))
      }),
    ])
    clearInterval(drip)
    for (const ms of endings) closed(ms)
  })

  test('row 7: a client whose link died without a word is found out, and so is a router', async () => {
    await using h = harness()
    const client = await h.client('half-open')
    await h.client('alive')
    h.network.silence(h.processOf(client), 'both')
    await h.advance(defaultLimits.heartbeatMs + defaultLimits.heartbeatGraceMs - 1000)
    expect(h.router.load.sessions).toBe(2)
    await h.advance(6000)
    expect(h.router.load.sessions).toBe(2)
    expect(client.isConnected).toBe(true)
    h.kill(client, 'silent')
    await h.advance(20_000)
    expect(h.router.load.sessions).toBe(1)
  })
})
