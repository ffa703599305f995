/** The doors for bare sockets: where they open, for whom, what they leave behind, and what a peer that is no client gets. */
import { connect, type WaybillError } from '@waybill/client'
import { LEAST_MESSAGE_BYTES, MAX_INTRODUCTION_BYTES, readConnected, writeOpening } from '@waybill/core'
import { createRouter, type RouterHandle } from '@waybill/server'
import { realHarness } from '@waybill/testkit'
import { chmodSync, existsSync, lstatSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect as dial, createServer, type AddressInfo, type NetConnectOpts, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { framed } from './fixtures/byte-socket.js'
import { endChildren, ran, startNode, startRouter, waybill } from './fixtures/children.js'

const folder = mkdtempSync(join(tmpdir(), 'waybill-'))
afterAll(async () => {
  await endChildren()
  rmSync(folder, { recursive: true })
})
let files = 0
const fresh = (): string => join(folder, `${++files}.sock`)
const introduction = writeOpening({ incarnation: 'beef'.repeat(5) })
const tlsFile = (name: string): string => join(import.meta.dirname, 'fixtures/tls', name)
const tls = { key: readFileSync(tlsFile('key.pem'), 'utf8'), cert: readFileSync(tlsFile('cert.pem'), 'utf8') }

/** Says something to a door, and tells all that it answered before it closed. */
function stranger(where: NetConnectOpts, once: (socket: Socket) => void): Promise<Buffer> {
  return new Promise((resolve) => {
    const heard: Buffer[] = []
    const socket = dial(where, () => once(socket))
    socket.on('data', (chunk) => heard.push(chunk))
    socket.on('error', () => {})
    socket.on('close', () => resolve(Buffer.concat(heard)))
  })
}

/** What the router refused with, in the one message that it sent. */
function refusalIn(answer: Buffer): WaybillError {
  expect(answer.readUInt32LE(0)).toBe(answer.length - 4)
  try {
    readConnected(answer.subarray(4))
  } catch (thrown) {
    return thrown as WaybillError
  }
  throw new Error('the router let it in')
}

const tcpOf = (router: RouterHandle): NetConnectOpts => ({ host: '127.0.0.1', port: Number(new URL(router.urls[1]!).port) })

describe('a TCP door', () => {
  test.each([
    ['nothing', {}, {}, /token/],
    ['insecure alone', {}, { insecure: true }, /token/],
    ['a token without TLS', { tokens: { me: 'secret' } }, {}, /TLS/],
  ] as const)('row 1: another address needs more than %s', async (_what, options, more, reason) => {
    for (const host of ['0.0.0.0', '::', '10.1.2.3', 'example.com']) {
      const refused = createRouter({ ...options, listen: false, tcp: { host, port: 0, ...more } })
      await expect(refused, host).rejects.toMatchObject({ code: 'Forbidden', message: expect.stringMatching(reason) as string })
    }
  })

  test('row 1: with a token and the operator’s word it listens, and asks for the token', async () => {
    await using router = await createRouter({
      listen: false,
      tokens: { me: 'secret' },
      tcp: { host: '0.0.0.0', port: 0, insecure: true },
    })
    const url = `tcp://127.0.0.1:${router.port}`
    await expect(connect(url)).rejects.toMatchObject({ code: 'Unauthorized' })
    await using client = await connect(url, { token: 'secret' })
    expect(client.isConnected).toBe(true)
  })

  test('a port that is taken is named, and nothing else stays open', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => taken.once('listening', resolve))
    const { port } = taken.address() as AddressInfo
    const path = fresh()
    await using first = await createRouter({ listen: false, unix: path })
    await expect(createRouter({ listen: { port: 0 }, tcp: { port } })).rejects.toMatchObject({
      code: 'RouterUnreachable',
      message: `port ${port} on 127.0.0.1 is taken by another process; stop it or choose another port`,
    })
    const other = fresh()
    await expect(createRouter({ listen: false, tcp: { port: 0 }, unix: join(other, 'nowhere') })).rejects.toMatchObject({
      message: `there is no folder for ${other}/nowhere`,
    })
    expect(first.url).toBe(`unix:${path}`)
    await new Promise((resolve) => taken.close(resolve))
  })

  test('over TLS it is reached by who trusts the certificate, and by nobody else', async () => {
    await using router = await createRouter({ listen: false, tcp: { port: 0, tls } })
    expect(router.url).toMatch(/^tcps:\/\/127\.0\.0\.1:\d+$/)
    await expect(connect(router.url!, { timeout: 300 })).rejects.toMatchObject({
      code: 'RouterUnreachable',
      message: expect.stringContaining('self-signed') as string,
    })
    const trusting = await ran(['call', 'waybill.Router.info', '--url', router.url!], { NODE_EXTRA_CA_CERTS: tlsFile('cert.pem') })
    expect(trusting).toMatchObject({ code: 0, stderr: '' })
    // Bare bytes are no TLS, and TLS is no bare bytes.
    await expect(connect(router.url!.replace('tcps', 'tcp'), { timeout: 300 })).rejects.toMatchObject({ code: 'RouterUnreachable' })
    await using bare = await createRouter({ listen: false, tcp: { port: 0 } })
    await expect(connect(bare.url!.replace('tcp', 'tcps'), { timeout: 300 })).rejects.toMatchObject({ code: 'RouterUnreachable' })
  })

  test('row 7: a TLS handshake that does not end is ended', async () => {
    await using router = await createRouter({ listen: false, tcp: { port: 0, tls }, limits: { openingMs: 100 } })
    expect(await stranger({ host: '127.0.0.1', port: router.port! }, () => {})).toHaveLength(0)
  })

  test('row 7: nor does one hold up the end of the router', async () => {
    const router = await createRouter({ listen: false, tcp: { port: 0, tls } })
    const gone = stranger({ host: '127.0.0.1', port: router.port! }, () => {})
    // Somebody else who got in: the one before has been taken up too.
    await expect(connect(router.url!, { timeout: 100 })).rejects.toMatchObject({ code: 'RouterUnreachable' })
    const from = performance.now()
    await router.close()
    expect(performance.now() - from).toBeLessThan(2500)
    expect(await gone).toHaveLength(0)
  })
})

describe('a Unix door', () => {
  test('lets in only its own user, and its file goes with it', async () => {
    const path = fresh()
    const mask = process.umask(0)
    const router = await createRouter({ listen: false, unix: path }).finally(() => process.umask(mask))
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(process.umask()).toBe(mask)
    expect(router).toMatchObject({ url: `unix:${path}`, port: undefined })
    await using client = await connect(router.url!)
    expect(client.isConnected).toBe(true)
    await client.close()
    await router.close()
    expect(existsSync(path)).toBe(false)
  })

  test('has the mode that is asked for', async () => {
    const path = fresh()
    await using _ = await createRouter({ listen: false, unix: { path, mode: 0o660 } })
    expect(statSync(path).mode & 0o777).toBe(0o660)
  })

  test('asks for the token like any other', async () => {
    await using router = await createRouter({ listen: false, unix: fresh(), tokens: { me: 'secret' } })
    await expect(connect(router.url!)).rejects.toMatchObject({ code: 'Unauthorized' })
  })

  test('replaces the file of a router that was killed', async () => {
    const path = fresh()
    const { child } = await startRouter(['--unix', path])
    child.kill('SIGKILL')
    await child.ended
    expect(lstatSync(path).isSocket()).toBe(true)
    await expect(connect(`unix:${path}`, { timeout: 200 })).rejects.toMatchObject({
      code: 'RouterUnreachable',
      message: `no router at unix:${path}: nobody listens there (ECONNREFUSED)`,
    })
    await using router = await createRouter({ listen: false, unix: path })
    await using client = await connect(router.url!)
    expect(client.isConnected).toBe(true)
  })

  test('leaves that of a living one alone', async () => {
    const path = fresh()
    await using first = await createRouter({ listen: false, unix: path })
    await expect(createRouter({ listen: false, unix: path })).rejects.toMatchObject({
      code: 'RouterUnreachable',
      message: `${path} is taken: another process listens on it; stop it or choose another path`,
    })
    await using client = await connect(first.url!)
    expect(client.isConnected).toBe(true)
  })

  test.each(['a file', 'a link'])('touches nothing that is no socket: %s', async (what) => {
    const path = fresh()
    if (what === 'a file') writeFileSync(path, 'precious')
    else symlinkSync(tlsFile('key.pem'), path)
    await expect(createRouter({ listen: false, unix: path })).rejects.toMatchObject({
      code: 'RouterUnreachable',
      message: `${path} is there and is no socket; remove it or choose another path`,
    })
    expect(lstatSync(path).isSocket()).toBe(false)
  })

  test.each([
    ['', /is not the path/],
    ['a\0b', /is not the path/],
    [`/${'x'.repeat(200)}`, /at most 10\d bytes/],
  ])('%j is no path', async (path, says) => {
    await expect(createRouter({ listen: false, unix: path })).rejects.toMatchObject({
      code: 'BadAddress',
      message: expect.stringMatching(says) as string,
    })
  })

  test('a client says in words why there is nobody', async () => {
    const nowhere = fresh()
    await expect(connect(`unix:${nowhere}`, { timeout: 100 })).rejects.toMatchObject({
      code: 'RouterUnreachable',
      executed: 'no',
      message: `no router at unix:${nowhere}: there is no such socket (ENOENT)`,
    })
    await expect(connect('tcp://127.0.0.1:1', { timeout: 100 })).rejects.toMatchObject({
      message: 'no router at tcp://127.0.0.1:1: nobody listens there (ECONNREFUSED)',
    })
    await expect(connect('unix:relative')).rejects.toMatchObject({ code: 'BadAddress' })
    await expect(connect('udp://127.0.0.1:1')).rejects.toMatchObject({ code: 'Unsupported' })
  })

  test.skipIf(process.getuid?.() !== 0)('another user is told that the file is not for them', async () => {
    await using router = await createRouter({ listen: false, unix: fresh() })
    // The folder itself lets everybody in.
    chmodSync(folder, 0o755)
    const script = `
      const { connect } = await import(${JSON.stringify(join(import.meta.dirname, '../packages/client/dist/index.js'))})
      process.setuid(65534)
      await connect(${JSON.stringify(router.url)}, { timeout: 200 }).catch(({ message }) => console.log(message))`
    const file = join(folder, 'other.mjs')
    writeFileSync(file, script)
    const child = startNode(`../../../../../..${file}`)
    await child.ended
    expect(child.stdout).toBe(`no router at ${router.url}: this user may not connect to it (EACCES)\n`)
  })
})

describe('strangers', () => {
  const limits = { openingMs: 150, heartbeatMs: 100, heartbeatGraceMs: 50, resumeGraceMs: 20 }

  test.each([
    ['a length of 0', Buffer.alloc(4)],
    ['fewer bytes than any message has', Buffer.from([LEAST_MESSAGE_BYTES - 1, 0, 0, 0, 1, 2, 3])],
    ['more than an introduction', Buffer.from([1, 16, 0, 0])],
    ['an HTTP request', Buffer.from('POST / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
    ['a TLS greeting', Buffer.from([22, 3, 1, 2, 0, 1, 0, 1])],
  ])('row 5: %s is refused at once, in words', async (_what, bytes) => {
    await using h = await realHarness({ tcp: { port: 0 }, unix: fresh() })
    for (const where of [tcpOf(h.router), { path: h.router.urls[2]!.slice(5) }]) {
      const refusal = refusalIn(await stranger(where, (socket) => socket.write(bytes)))
      expect(refusal).toMatchObject({ code: 'ProtocolViolation', message: expect.stringContaining('was announced') as string })
    }
  })

  test('row 5: the longest introduction gets in', async () => {
    await using h = await realHarness({ tcp: { port: 0 } })
    const fill = (length: number): Uint8Array => writeOpening({ incarnation: 'beef'.repeat(5), credentials: { token: 'x'.repeat(length) } })
    const longest = fill(MAX_INTRODUCTION_BYTES - fill(0).byteLength)
    expect(longest.byteLength).toBe(MAX_INTRODUCTION_BYTES)
    const answer = await stranger(tcpOf(h.router), (socket) => {
      socket.write(framed(longest))
      socket.once('data', () => socket.end())
    })
    expect(readConnected(answer.subarray(4)).resumed).toBe(false)
  })

  test('row 7: an introduction that trickles is refused when its time is over', async () => {
    await using h = await realHarness({ tcp: { port: 0 }, limits })
    const bytes = framed(introduction)
    let at = 0
    const answer = await stranger(tcpOf(h.router), (socket) => {
      const timer = setInterval(() => socket.write(bytes.subarray(at, ++at)), 10)
      socket.on('close', () => clearInterval(timer))
      socket.on('end', () => clearInterval(timer))
    })
    expect(refusalIn(answer)).toMatchObject({ code: 'ProtocolViolation', message: 'no introduction came within 150 ms' })
    expect(at).toBeLessThan(bytes.length)
  })

  test('row 7: a packet that trickles is no sign of life', async () => {
    // Much longer than a busy machine may let nothing run: it has to be seen to trickle.
    const patient = { ...limits, heartbeatMs: 600, heartbeatGraceMs: 300 }
    await using h = await realHarness({ tcp: { port: 0 }, limits: patient })
    const began = performance.now()
    let bytes = 0
    await stranger(tcpOf(h.router), (socket) => {
      socket.write(framed(introduction))
      let timer: NodeJS.Timeout
      socket.once('data', () => {
        socket.write(Buffer.from([0, 0, 10, 0]))
        timer = setInterval(() => socket.write(Buffer.alloc(100, ++bytes)), 5)
      })
      socket.on('close', () => clearInterval(timer))
      socket.on('end', () => clearInterval(timer))
    })
    expect(bytes).toBeGreaterThan(3)
    expect(performance.now() - began).toBeLessThan(5000)
  })

  test('row 6: a packet that is announced longer than the limit ends the link before it comes', async () => {
    await using h = await realHarness({ tcp: { port: 0 }, limits: { maxFrameBytes: 1000, resumeGraceMs: 20 } })
    const answer = await stranger(tcpOf(h.router), (socket) => {
      socket.write(framed(introduction))
      const tooLong = Buffer.alloc(4)
      tooLong.writeUInt32LE(1000 + 65_536 + 1)
      socket.once('data', () => socket.write(tooLong))
    })
    expect(readConnected(answer.subarray(4)).limits.maxFrameBytes).toBe(1000)
  })

  test('row 22: who does not read holds nothing up, and is not waited for', async () => {
    await using h = await realHarness({ tcp: { port: 0 } })
    const socket = dial(tcpOf(h.router) as { port: number }, () => socket.write(framed(introduction)))
    socket.pause()
    await expect.poll(() => h.router.load.sessions).toBe(1)
    const from = performance.now()
    await h.router.close()
    expect(performance.now() - from).toBeLessThan(2500)
    socket.destroy()
  })
})

describe('a router that is none', () => {
  test.each([
    ['announces too much', Buffer.from([1, 0, 64, 0])],
    ['announces nothing', Buffer.alloc(4)],
    ['speaks HTTP', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ])('%s: the client says so', async (_what, bytes) => {
    const server = createServer(
      (socket) =>
        void socket
          .on('error', () => {})
          .resume()
          .write(bytes),
    ).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const url = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`
    await expect(connect(url, { timeout: 200 })).rejects.toMatchObject({
      code: 'RouterUnreachable',
      message: expect.stringMatching(/it closed the connection \(a message of \d+ bytes was announced/) as string,
    })
    await new Promise((resolve) => server.close(resolve))
  })
})

describe('waybill start', () => {
  test('says how to connect through each door, and every command takes it', async () => {
    const path = fresh()
    const child = waybill(['start', '--port', '0', '--tcp', '0', '--unix', path])
    const [, ws, tcp] = await child.prints(
      /^Waybill is listening: connect\('(ws:[^']+)'\)\. Ctrl-C stops it\.\nAlso: connect\('(tcp:\/\/127\.0\.0\.1:\d+)'\)\nAlso: connect\('unix:[^']+'\)\n$/,
    )
    expect(child.stdout).toContain(`connect('unix:${path}')`)
    const clients = await Promise.all([ws!, tcp!, `unix:${path}`].map((url) => ran(['clients', '--json'], { WAYBILL_URL: url })))
    expect(clients.map(({ code, stderr }) => [code, stderr])).toEqual([
      [0, ''],
      [0, ''],
      [0, ''],
    ])
    child.kill('SIGTERM')
    expect(await child.ended).toEqual({ code: 0, signal: null })
    expect(existsSync(path)).toBe(false)
  })

  test.each([
    [['start', '--tcp', 'box'], /--tcp: "box" names no port/],
    [['start', '--tcp', '0.0.0.0:0'], /opens the router to a network/],
    [['start', '--port', '0', '--unix', `/${'x'.repeat(200)}`], /at most 10\d bytes/],
    [['clients', '--url', 'unix:here'], /needs an absolute path/],
    [['clients', '--url', 'tcp://me:secret@box:1'], /holds credentials/],
  ])('wrong usage: %s', async (args, says) => {
    const { code, stderr } = await ran(args)
    expect(stderr).toMatch(says)
    expect(code).toBe(2)
  })
})
