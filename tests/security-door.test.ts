/** Who gets in through the router's port. Over real sockets. Titles begin with the row in docs/rows.md. */
import { connect } from '@waybill/client'
import { createRouter, type RouterOptions } from '@waybill/server'
import { realHarness, type RealHarness } from '@waybill/testkit'
import { connect as dial } from 'node:net'
import { networkInterfaces } from 'node:os'
import { describe, expect, test } from 'vitest'
import { get, visit } from './strangers.js'

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

describe('row 3: a page of another site cannot make a browser ask for something', () => {
  test('row 3: whatever the browser marks as foreign is refused; curl, and who types the address, are not', async () => {
    await using router = await createRouter({ metrics: true, listen: { port: 0 } })
    const ask = async (headers: Record<string, string>): Promise<number> => {
      const { status } = await get({ url: router.url!, router } as unknown as RealHarness, { host: 'localhost', ...headers }, '/metrics')
      return status
    }
    expect(await ask({})).toBe(200)
    for (const site of ['none', 'same-origin']) expect(await ask({ 'sec-fetch-site': site }), site).toBe(200)
    for (const site of ['cross-site', 'same-site', 'anything']) expect(await ask({ 'sec-fetch-site': site }), site).toBe(403)
    expect(await ask({ origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' })).toBe(403)
  })

  test('row 3: nothing is changed by a plain request, whatever its method', async () => {
    await using h = await realHarness()
    for (const method of ['POST', 'PUT', 'DELETE']) expect((await get(h, { host: 'localhost' }, '/', method)).status).toBe(426)
  })
})
