/** `POST /call/…`: decorated classes, called by fetch over a real socket. */
import { createConnection } from 'node:net'
import { currentCall } from '@waybill/client'
import { Method, Remote } from '@waybill/decorators'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { callingStage, told, type CallingStage } from './calling-stage.js'

class BoneError extends Error {
  bones = 0
}

@Remote({ version: '1.2.0', instance: 'shared' })
class Dog {
  readonly seen: unknown[] = []
  readonly cancelled: unknown[] = []
  ran = 0

  @Method({ args: [z.string(), z.int().optional()], idempotent: true })
  bark(phrase: string, times = 1): string {
    this.ran++
    return Array.from({ length: times }, () => phrase).join(' ')
  }

  @Method()
  note(...args: unknown[]): void {
    this.seen.push([args, currentCall().data])
  }

  @Method()
  nothing(): null {
    return null
  }

  @Method({ errors: [BoneError] })
  bite(how: string): never {
    if (how === 'bone') throw new BoneError('no bone')
    throw new RangeError('ouch')
  }

  @Method()
  rich(): Date {
    return new Date(0)
  }

  @Method()
  async sleep(): Promise<string> {
    const { signal } = currentCall()
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    this.cancelled.push(signal.reason)
    throw signal.reason
  }

  @Method()
  async nap(ms: number): Promise<string> {
    await new Promise((resolve) => setTimeout(resolve, ms))
    return 'rested'
  }
}

async function kennel(s: CallingStage): Promise<Dog> {
  const dog = new Dog()
  await (await s.client('kennel')).expose(dog)
  return dog
}

describe('a call', () => {
  test('gives the result of a decorated class: by name, range, client and label; no body is no arguments', async () => {
    await using s = await callingStage()
    const dog = await kennel(s)
    for (const path of ['Dog/bark', 'Dog@^1/bark', 'kennel/Dog/bark', 'kennel%2FDog%401.2.0/bark', 'Dog@%3E=1.0.0%20%3C2/bark']) {
      expect(await told(s.call(path, ['wau', 2])), path).toEqual([200, 'wau wau'])
    }
    const answer = await s.call('Dog/bark', ['wau'])
    expect([answer.headers.get('content-type'), answer.headers.get('cache-control')]).toEqual(['application/json', 'no-store'])
    expect(await told(s.call('Dog/nothing'))).toEqual([200, null])
    expect(await told(s.call('Dog/note'))).toEqual([204, undefined])
    expect(
      await told(s.call('Dog/note', [1, { a: [null] }], { 'waybill-data': Buffer.from('{"job":"nº 7"}').toString('latin1') })),
    ).toEqual([204, undefined])
    expect(dog.seen).toEqual([
      [[], undefined],
      [[1, { a: [null] }], { job: 'nº 7' }],
    ])
    expect(await told(s.call('Dog%3Fregion=eu/bark', ['x']))).toMatchObject([404, { code: 'NoSuchService' }])
  })

  test('an object holds named arguments', async () => {
    await using s = await callingStage()
    const dog = await kennel(s)
    expect((await s.call('Dog/note', { loud: true })).status).toBe(204)
    expect(dog.seen).toEqual([[[{ loud: true }], undefined]])
  })

  test('many at once have one conversation with the router', async () => {
    await using s = await callingStage()
    await kennel(s)
    const answers = await Promise.all(Array.from({ length: 20 }, (_, at) => told(s.call('Dog/bark', [`wau ${at}`]))))
    expect(answers).toEqual(answers.map((_, at) => [200, `wau ${at}`]))
    // The client that serves, and the door.
    expect(s.router.load.sessions).toBe(2)
  })
})

describe('errors', () => {
  test('what the schema refuses, nobody offers, and no address says', async () => {
    await using s = await callingStage()
    const dog = await kennel(s)
    const no = { executed: 'no', retryable: false }
    expect(await told(s.call('Dog/bark', [7]))).toMatchObject([
      400,
      { code: 'BadArguments', ...no, details: { issues: [{ path: expect.anything() as unknown }] } },
    ])
    expect(await told(s.call('Cat/meow', []))).toEqual([
      404,
      { code: 'NoSuchService', message: 'nobody offers Cat', executed: 'no', retryable: true },
    ])
    expect(await told(s.call('Dog/purr', []))).toMatchObject([404, { code: 'NoSuchMethod', ...no }])
    expect(await told(s.call('Dog@^2/bark', ['x']))).toMatchObject([404, { code: 'NoSuchVersion', details: { offered: ['1.2.0'] } }])
    expect(await told(s.call('attic/Dog/bark', ['x']))).toMatchObject([404, { code: 'NoSuchClient' }])
    for (const path of ['Dog', 'D%C3%B6g/bark', 'Dog/b-rk', 'a/b/Dog/bark', '%ff/bark', 'Dog/bark?region=eu'])
      expect(await told(s.call(path, [])), path).toMatchObject([400, { code: 'BadAddress', ...no }])
    expect(await told(s.call('waybill.Router/offer', [[]]))).toMatchObject([501, { code: 'Unsupported' }])
    expect(dog.ran).toBe(0)
  })

  test('what the method throws: its class, its words, its data, and that it ran', async () => {
    await using s = await callingStage()
    await kennel(s)
    expect(await told(s.call('Dog/bite', ['hard'], { 'waybill-data': '{"job":7}' }))).toMatchObject([
      500,
      { code: 'RemoteException', message: 'ouch', executed: 'yes', retryable: false, xclass: 'RangeError', data: { job: 7 } },
    ])
    expect(await told(s.call('Dog/bite', ['bone']))).toMatchObject([500, { xclass: 'BoneError', xstate: { bones: 0 } }])
    expect(await told(s.call('Dog/rich'))).toMatchObject([422, { code: 'NotRepresentable', executed: 'yes' }])
  })

  test('what is no JSON, no list, of another type, or too long, reaches nobody', async () => {
    await using s = await callingStage()
    const dog = await kennel(s)
    for (const body of [
      '["wau"',
      'wau',
      '["wau"] x',
      '["\\q"]',
      '{"__proto__":1}',
      '{"a":1,"a":2}',
      Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d]),
    ])
      expect(await told(s.call('Dog/bark', body)), String(body)).toMatchObject([400, { code: 'ProtocolViolation', executed: 'no' }])
    expect(await told(s.call('Dog/bark', '"wau"'))).toMatchObject([400, { code: 'BadArguments' }])
    expect((await told(s.call('Dog/bark', '['.repeat(80) + ']'.repeat(80))))[0]).toBe(413)
    for (const type of ['text/plain', 'application/jsonx', 'application/x-www-form-urlencoded'])
      expect(await told(s.call('Dog/bark', ['wau'], { 'content-type': type })), type).toMatchObject([415, { executed: 'no' }])
    expect(await told(s.call('Dog/bark', ['wau'], { 'content-type': 'application/json; charset=utf-8' }))).toEqual([200, 'wau'])
    const long = JSON.stringify(['w'.repeat(1024 * 1024)])
    expect(await told(s.call('Dog/bark', long))).toMatchObject([
      413,
      { code: 'TooLarge', executed: 'no', message: expect.stringContaining('1048576') as string },
    ])
    const chunked = new ReadableStream<Uint8Array>({
      start: (controller) => {
        controller.enqueue(Buffer.from(long))
        controller.close()
      },
    })
    const streamed = { method: 'POST', headers: { 'content-type': 'application/json' }, body: chunked, duplex: 'half' } as RequestInit
    expect(await told(fetch(`${s.url}/call/Dog/bark`, streamed))).toMatchObject([413, { code: 'TooLarge' }])
    // Fits, but not with the words around it.
    expect((await s.call('Dog/bark', JSON.stringify(['w'.repeat(1024 * 1024 - 40)]))).status).toBe(413)
    expect((await s.call('Dog/note', JSON.stringify(['w'.repeat(1024 * 1024 - 600)]))).status).toBe(204)
    expect((await s.call('Dog/note', { name: 'w'.repeat(70_000) })).status).toBe(413)
    expect(await told(s.call('Dog/bark', undefined, {}, { method: 'GET' }))).toMatchObject([405, { code: 'BadArguments' }])
    expect(dog.ran).toBe(1)
    expect(s.router.load.sessions).toBe(2)
  })

  test('a body that breaks off is nobody’s fault here', async () => {
    const incidents: unknown[] = []
    await using s = await callingStage({ onIncident: (incident) => void incidents.push(incident) })
    await kennel(s)
    expect(await told(s.call('Dog/bark', ['wau']))).toEqual([200, 'wau'])
    const socket = createConnection(Number(new URL(s.url).port), '127.0.0.1')
    const head = 'POST /call/Dog/bark HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n["wa'
    const closed = new Promise((resolve) => socket.on('close', resolve))
    socket.write(head, () => setImmediate(() => socket.resetAndDestroy()))
    await closed
    for (let again = 0; again < 3; again++) expect(await told(s.call('Dog/bark', ['wau']))).toEqual([200, 'wau'])
    expect(incidents).toEqual([])
  })

  test('who has no token may not; who has one is its principal, until it is taken back', async () => {
    const may: string[] = []
    const authorize = (principal: string, action: string, { method }: { method?: string }): boolean => {
      if (action === 'call') may.push(`${principal} ${method}`)
      return action !== 'call' || method !== 'bite'
    }
    await using s = await callingStage({ tokens: { ann: 'a-token', bob: 'b-token' }, authorize })
    await (await s.client('kennel', { token: 'b-token' })).expose(new Dog())
    const call = (token: string | undefined, method = 'bark'): Promise<Response> =>
      s.call(`Dog/${method}`, ['wau'], token === undefined ? {} : { authorization: `Bearer ${token}` })
    const refused = await call(undefined)
    expect(refused.headers.get('www-authenticate')).toBe('Bearer')
    expect(await told(refused)).toMatchObject([401, { code: 'Unauthorized', executed: 'no' }])
    expect(await told(call('nonsense'))).toMatchObject([401, { code: 'Unauthorized' }])
    expect(await told(s.call('Dog/bark', ['wau'], { authorization: 'Basic YTpi' }))).toMatchObject([401, { code: 'Unauthorized' }])
    expect((await s.call('Dog/bark', undefined, { origin: 'https://elsewhere.example', authorization: 'Bearer a-token' })).status).toBe(403)
    expect(await told(call('a-token'))).toEqual([200, 'wau'])
    expect(await told(call('b-token', 'bite'))).toMatchObject([403, { code: 'Forbidden', executed: 'no' }])
    expect(may).toEqual(['ann bark', 'bob bite'])
    expect(s.router.revoke('ann')).toBe(1)
    expect(s.router.load.sessions).toBe(2)
  })

  test('a router that closes: calls that run are not known to have ended', async () => {
    await using s = await callingStage()
    await kennel(s)
    const answer = told(s.call('Dog/nap', [50]))
    await expect.poll(() => s.router.load.pendingCalls).toBe(1)
    const closing = s.router.close()
    expect(await answer).toMatchObject([502, { code: 'RouterLost', executed: 'maybe' }])
    await closing
  })
})

describe('time', () => {
  test('a client that goes takes its call with it', async () => {
    await using s = await callingStage()
    const dog = await kennel(s)
    const gone = new AbortController()
    const answer = s.call('Dog/sleep', [], {}, { signal: gone.signal })
    await expect.poll(() => s.router.load.pendingCalls).toBe(1)
    gone.abort()
    await expect(answer).rejects.toThrow(/abort/)
    await expect.poll(() => dog.cancelled.length).toBe(1)
    await expect.poll(() => s.router.load.pendingCalls).toBe(0)
  })

  test('a timeout is a deadline; a ttl is how long it waits for somebody', async () => {
    await using s = await callingStage()
    await kennel(s)
    expect(await told(s.call('Dog/sleep', [], { 'waybill-timeout': '50' }))).toMatchObject([
      504,
      { code: 'DeadlineExceeded', executed: 'maybe', retryable: true },
    ])
    expect(await told(s.call('Cat/meow', [], { 'waybill-ttl': '30ms' }))).toMatchObject([410, { code: 'Expired', executed: 'no' }])
    expect(await told(s.call('Dog/sleep', [], { 'waybill-timeout': 'soon' }))).toMatchObject([400, { code: 'BadAddress' }])
    const preferred = await s.call('Dog/bark', ['wau'], { prefer: 'handling=lenient, wait=5' })
    expect([preferred.status, preferred.headers.get('preference-applied')]).toEqual([200, 'wait=5'])
  })

  test('traces lead through', async () => {
    const seen: unknown[] = []
    const passing = (call: object, context: unknown): undefined => void seen.push([call, context])
    await using s = await callingStage({ tracing: { passing, calling: () => undefined, running: () => undefined } })
    await kennel(s)
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    await s.call('Dog/bark', ['wau'], { traceparent, tracestate: 'a=1' })
    expect(seen).toEqual([[{ service: 'Dog', method: 'bark' }, `${traceparent},a=1`]])
  })
})

describe('a stored call', () => {
  const receiptOf = (answer: Response): string => answer.headers.get('location')!.slice('/receipts/'.length)

  test('is received at once, and has a receipt; it runs when somebody is there', async () => {
    await using s = await callingStage()
    const answer = await s.call('Dog/bark', ['wau'], { prefer: 'respond-async', 'waybill-data': '{"job":7}' })
    const sn = receiptOf(answer)
    expect([answer.status, answer.headers.get('preference-applied'), answer.headers.get('waybill-receipt')]).toEqual([
      202,
      'respond-async',
      sn,
    ])
    expect(await answer.json()).toEqual({ status: 'received', receipt_id: sn })
    const receipt = async (): Promise<unknown> => (await told(s.call('waybill.Router/receipt', [sn])))[1]
    expect(await receipt()).toMatchObject({ sn, state: 'stored', data: { job: 7 } })
    await kennel(s)
    expect(await told(fetch(`${s.url}/receipts/${sn}?wait=20`))).toMatchObject([200, { receipt_id: sn, status: 'succeeded' }])
    expect(await told(fetch(`${s.url}/receipts/${sn}/result`))).toEqual([200, 'wau'])
    expect(await receipt()).toMatchObject({ sn, state: 'succeeded' })
  })

  test('is waited for where one likes: the result, else the receipt; who goes leaves it alone', async () => {
    await using s = await callingStage()
    await kennel(s)
    const waited = await s.call('Dog/bark', ['wau'], { prefer: 'respond-async, wait=10' })
    expect([waited.status, await waited.json(), waited.headers.get('waybill-receipt')]).toEqual([200, 'wau', expect.any(String)])
    const late = await s.call('Dog/nap', [300], { prefer: 'respond-async', 'waybill-timeout': '20' })
    expect(late.status).toBe(202)
    const failed = await s.call('Dog/bite', ['hard'], { prefer: 'respond-async, wait=10' })
    expect([failed.status, failed.headers.has('waybill-receipt')]).toEqual([500, true])
    const gone = new AbortController()
    const left = s.call('Dog/nap', [100], { prefer: 'respond-async, wait=10', 'idempotency-key': 'left' }, { signal: gone.signal })
    await expect.poll(() => s.router.load.storedCalls).toBe(2)
    gone.abort()
    await expect(left).rejects.toThrow(/abort/)
    expect(await told(s.call('Dog/nap', [100], { 'idempotency-key': 'left' }))).toEqual([200, 'rested'])
    await expect.poll(() => s.router.load.storedCalls).toBe(0)
  })

  test('with a key is one call, however often it is asked for, also at once', async () => {
    await using s = await callingStage()
    const dog = await kennel(s)
    const key = { 'idempotency-key': 'bark once' }
    const [one, other, async] = await Promise.all([
      s.call('Dog/bark', ['wau'], key),
      s.call('Dog/bark', ['wau'], key),
      s.call('Dog/bark', ['wau'], { ...key, prefer: 'respond-async' }),
    ])
    expect([await told(one), await told(other)]).toEqual([
      [200, 'wau'],
      [200, 'wau'],
    ])
    expect(new Set([one, other, async].map((answer) => answer.headers.get('waybill-receipt'))).size).toBe(1)
    expect(await told(s.call('Dog/bark', ['wau'], key))).toEqual([200, 'wau'])
    expect(dog.ran).toBe(1)
    expect(await told(s.call('Dog/bark', ['wuff'], key))).toMatchObject([
      409,
      { code: 'IdempotencyConflict', executed: 'no', details: { sn: receiptOf(async) } },
    ])
    expect((await s.call('Dog/bark', ['wau'], { 'idempotency-key': 'x'.repeat(257) })).status).toBe(400)
  })
})
