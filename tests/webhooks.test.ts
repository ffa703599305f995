/** Posts to registered addresses, over real sockets of this machine; the router's time is virtual. What they are not to reach: security-webhooks.test.ts. */
import { createHash } from 'node:crypto'
import { Socket } from 'node:net'
import { World } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'
import { failures, MAX_ANSWER_BYTES, reasonOf, webhookLimits, type WebhookRequest } from '../packages/server/src/webhooks/index.js'
import { deserted, failureOf, never, receives, serves, takes, webhooks } from './receivers.js'

const at = (port: number, path = '/'): string => `http://127.0.0.1:${port}${path}`
const text = (body: string, headers: Record<string, string> = {}): WebhookRequest => ({
  headers,
  body: Buffer.from(body),
  bytes: Buffer.byteLength(body),
})
const answering = (answer: string) => takes((socket) => socket.once('data', () => socket.end(answer)))

/** Resolves once the number has grown and then stays. */
async function rests(count: () => number): Promise<void> {
  let before = 0
  const isSame = (): boolean => {
    const now = count()
    const same = now > 0 && now === before
    before = now
    return same
  }
  await expect.poll(isSame, { interval: 200 }).toBe(true)
}

async function* pieces(count: number, bytes: number, ended: () => void = () => {}): AsyncGenerator<Uint8Array> {
  try {
    for (let index = 0; index < count; index++) yield Buffer.alloc(bytes, index)
  } finally {
    ended()
  }
}

async function* counted(source: AsyncIterable<Uint8Array>, count: (piece: Uint8Array) => void): AsyncGenerator<Uint8Array> {
  for await (const piece of source) {
    count(piece)
    yield piece
  }
}

describe('a post', () => {
  test('brings the bytes and headers as they are, and the answer back', async () => {
    await using receiver = await receives((_request, response) => {
      response.writeHead(202, { 'content-type': 'application/json', 'x-twice': ['a', 'b'] }).end('{"receipt_id":"1"}')
    })
    const body = Uint8Array.of(0, 255, 16)
    const answer = await webhooks().post(
      at(receiver.port, '/dog?at=home'),
      { headers: { 'Content-Type': 'application/x-dog', 'content-encoding': 'gzip', 'waybill-receipt': 'r1' }, body, bytes: 3 },
      never,
    )
    expect(answer).toMatchObject({ status: 202, isCut: false, headers: { 'content-type': 'application/json', 'x-twice': 'a, b' } })
    expect(Buffer.from(answer.body).toString()).toBe('{"receipt_id":"1"}')
    const { url, headers, body: arrived } = receiver.received[0]!
    expect([url, arrived]).toEqual(['/dog?at=home', Buffer.from(body)])
    expect(headers).toEqual({
      host: `127.0.0.1:${receiver.port}`,
      'content-type': 'application/x-dog',
      'content-encoding': 'gzip',
      'waybill-receipt': 'r1',
      'content-length': '3',
      accept: '*/*',
      'accept-encoding': 'identity',
      'user-agent': 'Waybill',
      connection: 'close',
    })
  })

  test.each([
    ['of HTTP/1.0, that ends with the connection', 'HTTP/1.0 200 OK\r\n\r\nyes', 200, 'yes'],
    ['without a body', 'HTTP/1.1 204 No Content\r\n\r\n', 204, ''],
    ['after one that only says to go on', 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nyes', 200, 'yes'],
    ['of 404', 'HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno', 404, 'no'],
    ['of 500', 'HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n', 500, ''],
  ])('takes an answer %s', async (_what, said, status, body) => {
    await using receiver = await answering(said)
    const answer = await webhooks().post(at(receiver.port), text('hello'), never)
    expect([answer.status, Buffer.from(answer.body).toString(), answer.isCut]).toEqual([status, body, false])
  })

  test('keeps all of an answer that is just as long as may be', async () => {
    await using receiver = await receives((_request, response) => response.end(Buffer.alloc(MAX_ANSWER_BYTES, 'x')))
    expect(await webhooks().post(at(receiver.port), text(''), never)).toMatchObject({
      isCut: false,
      body: Buffer.alloc(MAX_ANSWER_BYTES, 'x'),
    })
  })

  test('streams a body as its receiver reads it', async () => {
    const total = 64 * 1024 * 1024
    let asked = 0
    const digests = { sent: createHash('sha256'), arrived: createHash('sha256') }
    const body = counted(pieces(total / 65_536, 65_536), (piece) => {
      asked += piece.byteLength
      digests.sent.update(piece)
    })
    let goOn!: () => void
    const held = new Promise<void>((resolve) => (goOn = resolve))
    await using receiver = await serves((request, response) => {
      void held.then(() => request.on('data', (chunk: Buffer) => digests.arrived.update(chunk)).on('end', () => response.end()))
    })
    const post = webhooks().post(at(receiver.port), { headers: {}, body, bytes: total }, never)
    // What both systems keep of it; nothing more is asked for while nobody reads.
    await rests(() => asked)
    expect(asked).toBeLessThan(total / 2)
    goOn()
    expect((await post).status).toBe(200)
    expect(digests.arrived.digest('hex')).toBe(digests.sent.digest('hex'))
  })

  test('sends no more to who says no, and ends the source', async () => {
    let ended = 0
    await using receiver = await serves((_request, response) => response.writeHead(413).end('too much'))
    const answer = await webhooks().post(
      at(receiver.port),
      { headers: {}, body: pieces(100_000, 65_536, () => ended++), bytes: 100_000 * 65_536 },
      never,
    )
    expect([answer.status, Buffer.from(answer.body).toString()]).toEqual([413, 'too much'])
    await expect.poll(() => ended).toBe(1)
  })
})

describe('a failure says what happened, what was executed, and what to do', () => {
  const seen = new Set<string>()
  const expectFailure = async (
    post: Promise<unknown>,
    expected: { reason: string; executed: string; code: string; says: RegExp },
  ): Promise<void> => {
    const { code, executed, message, details } = await failureOf(post)
    const { reason, says } = expected
    seen.add(reason)
    expect({ reason: (details as { reason: string }).reason, executed, code }).toEqual({
      reason,
      executed: expected.executed,
      code: expected.code,
    })
    expect(message).toMatch(says)
    expect(message).toMatch(
      executed === 'no' ? /; nothing was executed\. To do: \w/ : /; whether the receiver acted on it is not known\. To do: \w/,
    )
  }

  test('nobody listens', async () => {
    const post = webhooks().post(at(await deserted()), text('hello'), never)
    await expectFailure(post, { reason: 'refused', executed: 'no', code: 'Rejected', says: /refused the connection/ })
  })

  test('no such host, no address, no network', async () => {
    const posting = (resolve: () => Promise<string[]>) =>
      webhooks({ origins: ['http://hooks.example.com'] }, { resolve }).post('http://hooks.example.com/', text(''), never)
    const unknown = posting(() => Promise.reject(Object.assign(new Error('x'), { code: 'ENOTFOUND' })))
    await expectFailure(unknown, {
      reason: 'host',
      executed: 'no',
      code: 'Rejected',
      says: /hooks\.example\.com could not be looked up \(ENOTFOUND\)/,
    })
    await expectFailure(
      posting(() => Promise.resolve([])),
      { reason: 'host', executed: 'no', code: 'Rejected', says: /has no address/ },
    )
    const failing = (code: string) => new Socket().destroy(Object.assign(new Error('x'), { code }))
    const unreached = webhooks(undefined, { dial: () => failing('EHOSTUNREACH') }).post(at(1), text(''), never)
    await expectFailure(unreached, {
      reason: 'unreachable',
      executed: 'no',
      code: 'Rejected',
      says: /no connection to .* \(EHOSTUNREACH\)/,
    })
  })

  test.each(['when it has read', 'in the middle of its answer'])('the receiver goes %s', async (when) => {
    await using receiver = await takes((socket) =>
      socket.once('data', () => {
        if (when === 'when it has read') socket.resetAndDestroy()
        else socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf')
      }),
    )
    const post = webhooks().post(at(receiver.port), text('hello'), never)
    await expectFailure(post, { reason: 'reset', executed: 'maybe', code: 'WorkerLost', says: /closed the connection/ })
  })

  test('of a refusal that breaks off the status is enough', async () => {
    await using receiver = await answering('HTTP/1.1 503 Busy\r\ncontent-length: 10\r\n\r\nhalf')
    const answer = await webhooks().post(at(receiver.port), text('hello'), never)
    expect([answer.status, Buffer.from(answer.body).toString(), answer.isCut]).toEqual([503, 'half', true])
  })

  test.each([
    ['no HTTP', '220 mail.example.com ESMTP\r\n', /is not HTTP \(HPE_/],
    ['a head without end', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, /is not HTTP \(HPE_HEADER_OVERFLOW\)/],
    ['another protocol', 'HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n', /changed to another protocol/],
  ])('the answer is %s', async (_what, said, says) => {
    await using receiver = await answering(said)
    const post = webhooks().post(at(receiver.port), text('hello'), never)
    await expectFailure(post, { reason: 'answer', executed: 'maybe', code: 'ProtocolViolation', says })
  })

  test('who says yes before having read the body has not taken it', async () => {
    await using receiver = await serves((_request, response) => response.end('yes'))
    const bytes = 64 * 1024 * 1024
    const post = webhooks().post(at(receiver.port), { headers: {}, body: pieces(bytes / 65_536, 65_536), bytes }, never)
    await expectFailure(post, {
      reason: 'answer',
      executed: 'maybe',
      code: 'ProtocolViolation',
      says: /answered 200 before it had read the body/,
    })
  })

  test('the body is not as long as was announced, or cannot be read', async () => {
    await using receiver = await receives()
    const broken = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(1)
      throw new Error('the disk is gone')
    }
    for (const [body, says] of [
      [pieces(1, 2), /1 bytes shorter/],
      [pieces(2, 2), /longer than the 3 bytes/],
      [broken(), /could not be read/],
    ] as const) {
      const post = webhooks().post(at(receiver.port), { headers: {}, body, bytes: 3 }, never)
      await expectFailure(post, { reason: 'body', executed: 'maybe', code: 'Damaged', says })
    }
    expect(receiver.received).toEqual([])
  })

  test('each time limit, from where it counts', async () => {
    const world = new World()
    const parts = { ports: world.process('router') }
    const passes = async (ms: number, post: Promise<unknown>): Promise<void> => {
      let isOver = false
      const over = (): void => void (isOver = true)
      post.then(over, over)
      await world.advance(ms - 1)
      expect(isOver).toBe(false)
      await world.advance(1)
    }
    const { connectMs, idleMs, answerMs, timeoutMs } = webhookLimits

    const nothing = (): Promise<never> => new Promise(() => {})
    const unnamed = webhooks({ origins: ['http://hooks.example.com'] }, { ...parts, resolve: nothing })
    const looking = unnamed.post('http://hooks.example.com/', text(''), never)
    await passes(connectMs, looking)
    const unreached = { reason: 'connectTimeout', executed: 'no', code: 'IdleTimeout', says: /not reached within 5000 ms/ }
    await expectFailure(looking, unreached)

    await using mute = await takes(() => {})
    const shaking = webhooks(undefined, parts).post(`https://127.0.0.1:${mute.port}/`, text(''), never)
    await expect.poll(() => mute.connections).toBe(1)
    await passes(connectMs, shaking)
    await expectFailure(shaking, unreached)

    const heard: string[] = []
    await using silent = await takes((socket) => socket.on('data', (chunk) => heard.push(chunk.toString())))
    const waiting = webhooks(undefined, parts).post(at(silent.port), text('hello'), never)
    await expect.poll(() => heard.join('')).toContain('hello')
    await passes(answerMs, waiting)
    const unanswered = {
      reason: 'answerTimeout',
      executed: 'maybe',
      code: 'IdleTimeout',
      says: /did not finish its answer within 30000 ms/,
    }
    await expectFailure(waiting, unanswered)

    await using deaf = await takes((socket) => socket.pause())
    const bytes = 64 * 1024 * 1024
    let asked = 0
    const body = counted(pieces(bytes / 65_536, 65_536), (piece) => (asked += piece.byteLength))
    const sending = webhooks(undefined, parts).post(at(deaf.port), { headers: {}, body, bytes }, never)
    await rests(() => asked)
    await passes(idleMs, sending)
    const unread = { reason: 'sendTimeout', executed: 'maybe', code: 'IdleTimeout', says: /took nothing of the body within 30000 ms/ }
    await expectFailure(sending, unread)

    let isAsked = false
    const stuck = { [Symbol.asyncIterator]: () => ({ next: () => ((isAsked = true), nothing()) }) }
    const slow = webhooks(undefined, parts).post(at(silent.port), { headers: {}, body: stuck, bytes: 1 }, never)
    await expect.poll(() => isAsked).toBe(true)
    await passes(timeoutMs, slow)
    await expectFailure(slow, { reason: 'tooLong', executed: 'maybe', code: 'DeadlineExceeded', says: /took more than 3600000 ms in all/ })
  })

  test('a refusal before the end of the body has its time, too', async () => {
    const world = new World()
    let ended = 0
    await using receiver = await serves((request, response) => {
      response.writeHead(413).write('too much')
      request.resume()
    })
    const body = pieces(100_000, 65_536, () => ended++)
    const post = webhooks(undefined, { ports: world.process('router') }).post(
      at(receiver.port),
      { headers: {}, body, bytes: 100_000 * 65_536 },
      never,
    )
    const says = /did not finish its answer/
    const failing = expectFailure(post, { reason: 'answerTimeout', executed: 'maybe', code: 'IdleTimeout', says })
    await expect.poll(() => ended).toBe(1)
    await world.advance(webhookLimits.answerMs)
    await failing
  })

  test('it is cancelled, before and after something was sent', async () => {
    const gone = AbortSignal.abort()
    await using silent = await takes((socket) => socket.on('data', () => cancel.abort()))
    const cancel = new AbortController()
    await expectFailure(webhooks().post(at(silent.port), text(''), gone), {
      reason: 'cancelled',
      executed: 'no',
      code: 'Cancelled',
      says: /was cancelled/,
    })
    expect(silent.connections).toBe(0)
    await expectFailure(webhooks().post(at(silent.port), text('hello'), cancel.signal), {
      reason: 'cancelled',
      executed: 'maybe',
      code: 'Cancelled',
      says: /was cancelled/,
    })
  })

  test('the rest of the reasons is tested as a matter of security', () => {
    expect(Object.keys(failures).filter((reason) => !seen.has(reason))).toEqual([
      'off',
      'address',
      'origin',
      'network',
      'unproven',
      'busy',
      'tls',
      'redirected',
    ])
    expect(reasonOf(new Error('another'))).toBeUndefined()
  })
})
