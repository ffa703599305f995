/** What a client that registers an address can make the router reach. Over real sockets of this machine. Titles begin with the row in docs/rows.md. */
import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { dialPinned, type Dial } from '../packages/server/src/webhooks/connecting.js'
import { certificate, failureOf, never, receives, takes, webhooks } from './receivers.js'

const empty = { headers: {}, body: new Uint8Array(), bytes: 0 }
const PUBLIC = '93.184.216.34'

/** A name that leads to these addresses, one list after the other, and whatever is connected to comes out at this port. */
function names(port: number, ...answers: readonly (readonly string[])[]) {
  const asked: string[] = []
  const dialled: string[][] = []
  const dial: Dial = ({ addresses }) => {
    dialled.push([...addresses])
    return connect(port, '127.0.0.1')
  }
  const resolve = (host: string): Promise<readonly string[]> => {
    asked.push(host)
    return Promise.resolve(answers[Math.min(asked.length, answers.length) - 1]!)
  }
  return { asked, dialled, parts: { dial, resolve } }
}

describe('row 16: who registers an address does not choose what the router reaches', () => {
  test('row 16: nothing is posted where the operator said nothing', async () => {
    await using receiver = await receives()
    const off = webhooks(null)
    for (const run of [off.post, off.admit, off.challenge].map((method) => method.bind(off) as typeof off.post)) {
      const failure = await failureOf(run(`http://127.0.0.1:${receiver.port}/`, empty, never))
      expect(failure).toMatchObject({ code: 'Forbidden', executed: 'no', details: { reason: 'off' } })
      expect(failure.message).toContain('--webhook')
    }
    expect(receiver.connections).toBe(0)
  })

  test('row 16: only origins on the list; this machine and private networks by the operator’s word alone', async () => {
    await using receiver = await receives()
    const { parts, dialled } = names(receiver.port, [PUBLIC])
    const list = { origins: ['http://hooks.example.com', 'http://*.example.org'] }
    const refused: readonly [Parameters<typeof webhooks>[0], string, string][] = [
      [list, 'http://other.example.com/', 'origin'],
      [list, `http://127.0.0.1:${receiver.port}/`, 'origin'],
      [list, 'ftp://hooks.example.com/', 'address'],
      [list, 'http://me:secret@hooks.example.com/', 'address'],
      [{ origins: ['http://*:*'] }, `http://127.0.0.1:${receiver.port}/`, 'network'],
      [{ origins: ['http://*:*'], loopback: true }, `http://[::ffff:127.0.0.1]:${receiver.port}/`, 'network'],
      [{ origins: ['http://*:*'], private: true }, 'http://10.0.0.1/', 'network'],
      [{ origins: ['http://169.254.169.254'], loopback: true, private: true }, 'http://169.254.169.254/latest/meta-data/', 'network'],
      [{ origins: ['http://0.0.0.0:*'], loopback: true, private: true }, `http://0.0.0.0:${receiver.port}/`, 'network'],
    ]
    for (const [options, address, reason] of refused) {
      const failure = await failureOf(webhooks(options, parts).post(address, empty, never))
      expect([address, failure.executed, failure.details]).toEqual([address, 'no', expect.objectContaining({ reason })])
      expect(failure.message).not.toMatch(/secret|latest/)
    }
    expect(dialled).toEqual([])
    await webhooks({ origins: ['http://*:*'], loopback: true }, parts).post('http://127.0.0.2/', empty, never)
    await webhooks({ origins: ['http://10.0.0.1'], private: true }, parts).post('http://10.0.0.1/', empty, never)
    await webhooks(list, parts).post('http://hooks.example.com/', empty, never)
    expect(dialled).toEqual([['127.0.0.2'], ['10.0.0.1'], [PUBLIC]])
  })

  const inside = [
    '127.0.0.1',
    '10.0.0.1',
    '192.168.1.1',
    '100.64.0.1',
    '169.254.169.254',
    '0.0.0.0',
    '224.0.0.1',
    '::1',
    'fd00::1',
    'fe80::1',
  ]
  test.each([...inside, '::ffff:127.0.0.1', '64:ff9b::10.0.0.1', 'ff02::1', '::'])(
    'row 16: a name of which one address is %s is not posted to',
    async (address) => {
      await using receiver = await receives()
      for (const addresses of [[address], [PUBLIC, address], [address, PUBLIC]]) {
        const { parts, dialled } = names(receiver.port, addresses)
        const failure = await failureOf(
          webhooks({ origins: ['http://hooks.example.com'], loopback: true }, parts).post('http://hooks.example.com/', empty, never),
        )
        expect(failure).toMatchObject({ code: 'Forbidden', executed: 'no', details: { reason: 'network' } })
        // Whoever asks is not to learn where names inside lead.
        expect(failure.message).not.toContain(address)
        expect(dialled).toEqual([])
      }
    },
  )

  test('row 16: a name that leads elsewhere a moment later is connected to where it was looked at', async () => {
    await using receiver = await receives()
    const { parts, asked, dialled } = names(receiver.port, [PUBLIC], ['127.0.0.1'])
    const posting = webhooks({ origins: ['http://hooks.example.com'] }, parts)
    await posting.post('http://hooks.example.com/', empty, never)
    expect([asked, dialled]).toEqual([['hooks.example.com'], [[PUBLIC]]])
    // And each post looks again.
    expect((await failureOf(posting.post('http://hooks.example.com/', empty, never))).details).toMatchObject({ reason: 'network' })
    expect(dialled).toHaveLength(1)
  })

  test('row 16: the connection asks no name server again', async () => {
    await using receiver = await takes((socket) => socket.end())
    // No name server knows the name; the addresses were looked at, and that is enough.
    const socket = dialPinned({ host: 'hooks.invalid', port: receiver.port, addresses: ['127.0.0.1'] })
    await new Promise((resolve, reject) => socket.on('connect', resolve).on('error', reject))
    expect(socket.remoteAddress).toBe('127.0.0.1')
    socket.destroy()
  })

  test.each([301, 302, 303, 307, 308])('row 16: a redirection with %i is not followed', async (status) => {
    await using aim = await receives()
    await using receiver = await receives((_request, response) => {
      response.writeHead(status, { location: `http://127.0.0.1:${aim.port}/\u0080admin` }).end()
    })
    const failure = await failureOf(webhooks().post(`http://127.0.0.1:${receiver.port}/`, empty, never))
    expect(failure).toMatchObject({ code: 'ProtocolViolation', executed: 'maybe', details: { reason: 'redirected', status } })
    expect(failure.message).toContain(`answered ${status}`)
    expect(failure.message).toContain(String(aim.port))
    expect(failure.message).not.toContain('\u0080')
    expect(aim.connections).toBe(0)
  })

  test('row 16: an address under a pattern is registered once who has it has answered a challenge', async () => {
    const repeats = await receives((request, response) => response.end(`you said ${JSON.stringify(request.headers)}`))
    await using byHeader = await receives((request, response) => {
      response.setHeader('waybill-challenge', request.headers['waybill-challenge']!).end()
    })
    await using byBody = await receives((request, response) => response.end(`${String(request.headers['waybill-challenge'])}\n`))
    await using silent = await receives()
    await using refuses = await receives((request, response) => {
      response.writeHead(404, { 'waybill-challenge': request.headers['waybill-challenge'] }).end()
    })
    await using breaks = await takes((socket) => socket.on('data', () => socket.resetAndDestroy()))
    await using repeating = repeats
    const admit = (port: number, origin: string): Promise<void> =>
      webhooks({ origins: [origin] }, names(port, [PUBLIC]).parts).admit('http://hooks.example.com/', never)
    for (const { port } of [byHeader, byBody]) await admit(port, 'http://*.example.com')
    for (const { port } of [silent, refuses, breaks, repeating]) {
      const failure = await failureOf(admit(port, 'http://*.example.com'))
      expect(failure).toMatchObject({ code: 'Forbidden', executed: 'no', details: { reason: 'unproven' } })
      expect(failure.message).toContain('Waybill-Challenge')
    }
    // Another text each time, of 256 bits.
    await admit(byHeader.port, 'http://*.example.com')
    const tokens = byHeader.received.map(({ headers }) => headers['waybill-challenge'] as string)
    expect(new Set(tokens).size).toBe(2)
    for (const token of tokens) expect(Buffer.from(token, 'base64url')).toHaveLength(32)
  })

  test('row 16: the operator answers for an origin that is listed by itself, and curl for this machine', async () => {
    await using receiver = await receives()
    const { parts } = names(receiver.port, [PUBLIC])
    await webhooks({ origins: ['http://hooks.example.com'] }, parts).admit('http://hooks.example.com/dog', never)
    await webhooks().admit(`http://127.0.0.1:${receiver.port}/`, never)
    expect(receiver.connections).toBe(0)
    // But not for where it leads.
    const inward = names(receiver.port, ['10.0.0.1']).parts
    const failure = await failureOf(webhooks({ origins: ['http://hooks.example.com'] }, inward).admit('http://hooks.example.com/', never))
    expect(failure.details).toMatchObject({ reason: 'network' })
  })

  test('row 16: a receiver over TLS has a certificate of its name that is trusted', async () => {
    await using receiver = await receives(undefined, true)
    const address = `https://127.0.0.1:${receiver.port}/`
    const failure = await failureOf(webhooks().post(address, empty, never))
    expect(failure).toMatchObject({ code: 'Rejected', executed: 'no', details: { reason: 'tls', errno: 'DEPTH_ZERO_SELF_SIGNED_CERT' } })
    expect((await webhooks({ loopback: true, ca: certificate }).post(address, empty, never)).status).toBe(200)
    const { parts } = names(receiver.port, [PUBLIC])
    const elsewhere = webhooks({ origins: ['https://hooks.example.com'], ca: certificate }, parts)
    const misnamed = await failureOf(elsewhere.post('https://hooks.example.com/', empty, never))
    expect(misnamed.details).toMatchObject({ reason: 'tls', errno: 'ERR_TLS_CERT_ALTNAME_INVALID' })
    expect(receiver.received).toHaveLength(1)
  })

  test('row 16: of an answer without end 64 KiB are read, nothing is decompressed, and no cookie comes back', async () => {
    await using receiver = await receives((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip', 'set-cookie': 'a=b' })
      const flood = (): void => {
        while (response.write(Buffer.alloc(16_384, 'x')));
      }
      response.on('drain', flood)
      flood()
    })
    const post = webhooks()
    const address = `http://127.0.0.1:${receiver.port}/`
    const { body, isCut } = await post.post(address, empty, never)
    expect([body.byteLength, isCut]).toEqual([65_536, true])
    await post.post(address, empty, never)
    const [first, second] = receiver.received
    expect(first!.headers['accept-encoding']).toBe('identity')
    expect(second!.headers.cookie).toBeUndefined()
    expect(post.underWay).toBe(0)
  })

  test('row 16: no more posts are under way than may be', async () => {
    await using receiver = await takes(() => {})
    const posting = webhooks({ loopback: true, maxPosts: 2 })
    const cancel = new AbortController()
    const address = `http://127.0.0.1:${receiver.port}/`
    const pending = [1, 2].map(() => failureOf(posting.post(address, empty, cancel.signal)))
    expect(await failureOf(posting.post(address, empty, never))).toMatchObject({
      code: 'Overloaded',
      executed: 'no',
      details: { reason: 'busy' },
    })
    cancel.abort()
    for (const failure of await Promise.all(pending)) expect(failure.code).toBe('Cancelled')
    expect(posting.underWay).toBe(0)
  })

  test('row 16: what is posted holds no header but those that were meant', async () => {
    await using receiver = await receives()
    const address = `http://127.0.0.1:${receiver.port}/`
    for (const [name, value] of [
      ...['Host', 'Transfer-Encoding', 'Content-Length', 'Connection', 'Waybill-Signature', 'Waybill-Challenge', 'a b', ''].map(
        (one) => [one, 'x'] as const,
      ),
      ['x', 'a\r\nb: c'] as const,
    ])
      expect(await failureOf(webhooks().post(address, { ...empty, headers: { [name]: value } }, never)), name).toMatchObject({
        code: 'BadArguments',
      })
    expect(receiver.connections).toBe(0)
  })
})
