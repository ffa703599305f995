/** Who gets in, and what a stranger may cost before. Over real sockets. Titles begin with the row in docs/rows.md. */
import { connect } from '@waybill/client'
import { defaultLimits as bodyLimits, writeOpening } from '@waybill/core'
import { createRouter, defaultLimits, type RouterOptions } from '@waybill/server'
import { harness, realHarness, type RealHarness } from '@waybill/testkit'
import { request, type IncomingMessage } from 'node:http'
import { connect as dial, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { describe, expect, test } from 'vitest'
import { WebSocket, type ClientOptions } from 'ws'

const MiB = 1024 * 1024
const introduction = writeOpening({ incarnation: 'beef'.repeat(5) })

interface Ending {
  readonly opened: boolean
  /** Of the WebSocket, or of the HTTP answer that refused it. */
  readonly code: number
  readonly text: string
  readonly extensions: string
}

/** Opens a WebSocket, does something with it, and tells how it ended. */
function visit(
  h: RealHarness,
  options: ClientOptions,
  once: (socket: WebSocket) => void = (socket) => socket.close(1000),
): Promise<Ending> {
  return new Promise((resolve) => {
    const socket = new WebSocket(h.url, options)
    let opened = false
    socket.on('open', () => {
      opened = true
      once(socket)
    })
    socket.on('unexpected-response', (_request, response: IncomingMessage) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += chunk.toString()))
      response.on('end', () => resolve({ opened, code: response.statusCode ?? 0, text, extensions: '' }))
    })
    socket.on('error', () => {})
    socket.on('close', (code, reason) => resolve({ opened, code, text: reason.toString(), extensions: socket.extensions }))
  })
}

function get(
  h: RealHarness,
  headers: Record<string, string>,
): Promise<{ status: number; headers: IncomingMessage['headers']; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port: h.router.port, headers, agent: false }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += chunk.toString()))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }))
    })
    sent.on('error', reject)
    sent.end()
  })
}

/** A plain socket, and how long it stays open. */
function raw(h: RealHarness, once: (socket: Socket) => void): Promise<number> {
  return new Promise((resolve) => {
    const startMs = performance.now()
    const socket = dial({ host: '127.0.0.1', port: h.router.port! }, () => once(socket))
    socket.on('error', () => {})
    socket.resume()
    socket.on('close', () => resolve(performance.now() - startMs))
  })
}

const upgrade =
  'GET / HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n'

/** The header of a masked client frame, its mask all zero. */
function webSocketHeader(opcode: number, length: number, isFinal = true): Buffer {
  const header = Buffer.alloc(14)
  header[0] = opcode | (isFinal ? 0x80 : 0)
  header[1] = 0x80 | 127
  header.writeBigUInt64BE(BigInt(length), 2)
  return header
}

describe('row 1: an open router is no accident', () => {
  test('row 1: it binds the loopback address', async () => {
    await using h = await realHarness()
    expect(h.url).toMatch(/^ws:\/\/127\.0\.0\.1:/)
    const outside = Object.values(networkInterfaces())
      .flatMap((all) => all ?? [])
      .find(({ internal, family }) => !internal && family === 'IPv4')
    if (outside === undefined) return
    const reached = await new Promise((resolve) => {
      const socket = dial({ host: outside.address, port: h.router.port! }, () => resolve(true))
      socket.on('error', () => resolve(false))
    })
    expect(reached).toBe(false)
  })

  const hosts = ['0.0.0.0', '::', '', '10.1.2.3', 'example.com', '127.0.0.1.example.com', '127.1', '::ffff:127.0.0.1']
  const open: readonly [string, Omit<RouterOptions, 'listen'>, { insecure?: boolean }, RegExp][] = [
    ['nothing', {}, {}, /token/],
    ['insecure alone', {}, { insecure: true }, /token/],
    ['a token without TLS', { tokens: { me: 'secret' } }, {}, /TLS/],
  ]
  test.each(open)('row 1: another address needs more than %s', async (_what, options, listen, reason) => {
    for (const host of hosts) {
      const refused = createRouter({ ...options, listen: { host, port: 0, ...listen } })
      await expect(refused, host).rejects.toMatchObject({ code: 'Forbidden', message: expect.stringMatching(reason) })
    }
  })

  test('row 1: with a token and the operator’s word it listens', async () => {
    await using router = await createRouter({ tokens: { me: 'secret' }, listen: { host: '0.0.0.0', port: 0, insecure: true } })
    const url = `ws://127.0.0.1:${router.port}`
    await expect(connect(url)).rejects.toMatchObject({ code: 'Unauthorized' })
    await expect(connect(url, { token: 'secrets' })).rejects.toMatchObject({ code: 'Unauthorized' })
    await using client = await connect(url, { token: 'secret' })
    expect(client.isConnected).toBe(true)
  })

  test('row 1: an empty token is no token', async () => {
    await expect(createRouter({ tokens: { me: '' }, listen: { port: 0 } })).rejects.toMatchObject({ code: 'BadArguments' })
  })
})

describe('row 2: a web page cannot talk to the local router', () => {
  test('row 2: the Host must be one of the router’s own', async () => {
    await using h = await realHarness()
    const port = h.router.port!
    for (const host of [
      'evil.com',
      `evil.com:${port}`,
      '127.0.0.1.evil.com',
      'localhost.evil.com',
      `x@127.0.0.1:${port}`,
      '127.0.0.1:1:2',
    ]) {
      const page = await get(h, { host })
      expect([host, page.status]).toEqual([host, 403])
      expect(await visit(h, { headers: { host } })).toMatchObject({ opened: false, code: 403 })
    }
    for (const host of ['localhost', `LocalHost:${port}`, `127.0.0.1:${port}`, '[::1]', '127.0.0.7']) {
      expect((await get(h, { host })).status).toBe(426)
      expect((await visit(h, { headers: { host } })).opened).toBe(true)
    }
  })

  test('row 2: an Origin other than the router’s own page is refused, and the answer says how to allow it', async () => {
    await using h = await realHarness()
    const port = h.router.port!
    const strangers = [
      'https://evil.com',
      'null',
      `http://localhost:${port + 1}`,
      `http://127.0.0.1:${port}.evil.com`,
      'file://',
      `http://localhost`,
      'http://[',
    ]
    for (const origin of strangers) {
      const ending = await visit(h, { headers: { host: `localhost:${port}`, origin } })
      expect([origin, ending.opened, ending.code]).toEqual([origin, false, 403])
      expect(ending.text).toContain(`--origin`)
      expect((await get(h, { host: `localhost:${port}`, origin })).status).toBe(403)
    }
    expect((await visit(h, { headers: { host: `localhost:${port}`, origin: `http://localhost:${port}` } })).opened).toBe(true)
  })

  test('row 2: named hosts and origins are let in, and no others', async () => {
    await using router = await createRouter({ listen: { port: 0, allowHosts: ['router.lan'], origins: ['https://app.example.com'] } })
    const h = { url: router.url!, router } as unknown as RealHarness
    expect((await visit(h, { headers: { host: 'router.lan', origin: 'https://app.example.com' } })).opened).toBe(true)
    expect((await visit(h, { headers: { host: 'router.lan', origin: 'https://app.example.com.evil.com' } })).opened).toBe(false)
    expect((await visit(h, { headers: { host: 'sub.router.lan' } })).opened).toBe(false)
  })

  test('row 2: no answer sets a cookie or lets other pages read it', async () => {
    await using h = await realHarness()
    for (const headers of [{ host: 'localhost' }, { host: 'localhost', origin: 'https://evil.com' }]) {
      const page = await get(h, headers)
      expect(page.headers['set-cookie']).toBeUndefined()
      expect(Object.keys(page.headers).filter((name) => name.startsWith('access-control'))).toEqual([])
    }
  })

  test('row 2: the client shows the router’s reason', async () => {
    await using h = await realHarness()
    // The same machine under a name that was not allowed.
    const refused = connect(`ws://[::ffff:127.0.0.1]:${h.router.port}`, { timeout: '2s' })
    await expect(refused).rejects.toMatchObject({ code: 'Forbidden', message: expect.stringContaining('--allow-host') })
  })
})

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
    await using h = await realHarness({ limits: { maxOpenings: 2, openingMs: 300 } })
    const waiting = [visit(h, {}, () => {}), visit(h, {}, () => {})]
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(await visit(h, {}, () => {})).toMatchObject({ code: 4000, text: 'Overloaded' })
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
