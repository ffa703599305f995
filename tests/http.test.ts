/** The HTTP door over real sockets: whoever can make a request takes part. Titles begin with the row in docs/rows.md. */
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { connect as dial } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Child } from './fixtures/children.js'
import { httpStage } from './http-stage.js'

const every = Uint8Array.from({ length: 256 }, (_none, byte) => byte)
const large = Array.from({ length: 80 }, (_none, n) => new Uint8Array(16_384).fill(n))

describe('names', () => {
  test('row 000-1: a name keeps whatever it says of itself; registered again, it is replaced; and it leaves', async () => {
    await using s = await httpStage()
    const said = { name: 'dog', breed: 'collie', likes: ['bones', { more: null }], age: 3 }
    expect(await s.told('POST /register', { body: JSON.stringify(said) })).toEqual([
      200,
      { status: 'registered', ...said, concurrency: 16 },
    ])
    expect(await s.told('GET /register')).toEqual([200, [{ ...said, concurrency: 16 }]])
    await s.register('dog', { breed: 'husky', concurrency: 2 })
    expect(await s.told('GET /register')).toEqual([200, [{ name: 'dog', breed: 'husky', concurrency: 2 }]])
    expect(await s.told('DELETE /register/dog')).toEqual([200, { status: 'unregistered', name: 'dog' }])
    expect(await s.told('GET /register')).toEqual([200, []])
    expect(await s.told('DELETE /register/dog')).toMatchObject([404, { code: 'NoSuchClient', executed: 'no' }])
    for (const body of ['', 'no', '[]', 'null', '{}', '{"name":7}', '{"name":"dog","address":7}', '{"name":"dog","concurrency":"many"}'])
      expect([body, ...(await s.told('POST /register', { body }))]).toMatchObject([body, 400, { code: 'BadArguments' }])
  })
})

describe('parcels', () => {
  test('row 000-2: whoever dispatches has a receipt before the receiver has seen anything', async () => {
    await using s = await httpStage()
    await s.register('dog')
    const { status, headers, bytes } = await s.ask('POST /dispatch/dog', { body: 'WUFF' })
    const sn = headers['waybill-receipt'] as string
    expect([status, JSON.parse(bytes.toString())]).toEqual([200, { status: 'received', receipt_id: sn }])
    expect(headers).toMatchObject({ location: `/receipts/${sn}`, 'waybill-durability': 'memory' })
    expect(await s.told(`GET /receipts/${sn}/result`)).toEqual([202, { status: expect.any(String), receipt_id: sn }])
    const parcel = await s.poll('dog')
    expect((await s.told(`GET /receipts/${sn}?wait=0`))[1]).toMatchObject({ status: 'handed', callee: 'dog' })
    await s.ask(`POST ${parcel.postback}`, { body: 'done' })
    expect((await s.ask(`GET /receipts/${sn}/result?wait=10`)).bytes.toString()).toBe('done')
  })

  const bodies: readonly [string, Uint8Array | string | readonly Uint8Array[], Record<string, string>][] = [
    ['the bytes 00 ff 10', Uint8Array.of(0, 0xff, 0x10), { 'content-type': 'application/octet-stream' }],
    ['every byte there is', every, { 'content-type': 'image/png', 'content-disposition': "attachment; filename*=UTF-8''d%C3%B6g.png" }],
    ['nothing', '', { 'content-type': 'text/plain' }],
    ['nothing, of no type', '', {}],
    ['something of no type', 'WUFF', {}],
    ['80 chunks of 16 KiB, more than a frame holds', large, { 'content-type': 'application/x-dog' }],
    [
      'what is compressed',
      gzipSync('{"bark":"WUFF"}'),
      { 'content-type': 'application/json', 'content-encoding': 'gzip', 'content-language': 'de' },
    ],
  ]
  test('row 000-3: bodies arrive byte for byte with what was said of them, there and back', async () => {
    await using s = await httpStage()
    await s.register('dog')
    for (const [what, body, said] of bodies) {
      const sent = typeof body === 'string' ? Buffer.from(body) : body instanceof Uint8Array ? Buffer.from(body) : Buffer.concat(body)
      const sn = await s.dispatch('dog', { body, headers: said })
      const parcel = await s.poll('dog')
      const answered = await s.ask(`POST ${parcel.postback}`, { body, headers: said })
      const result = await s.ask(`GET /receipts/${sn}/result?wait=10`)
      expect(answered.status).toBe(200)
      for (const got of [parcel, result]) {
        expect(got.bytes.equals(sent), what).toBe(true)
        const about = Object.fromEntries(
          Object.entries(got.headers).filter(([name]) => name.startsWith('content-') && !/length|security/.test(name)),
        )
        // What HTTP has for bytes of which nobody says what they are.
        expect(about).toEqual(what === 'something of no type' ? { 'content-type': 'application/octet-stream' } : said)
      }
    }
  })

  test('row 000-8: what says that it is JSON is not read', async () => {
    await using s = await httpStage()
    await s.register('dog')
    for (const body of ['{', '{"a":1,"a":2}', '\ufeff[]', Uint8Array.of(0xff, 0xfe)]) {
      const sent = Buffer.from(body as string)
      await s.dispatch('dog', { body, headers: { 'content-type': 'application/json' } })
      const parcel = await s.poll('dog')
      expect([parcel.headers['content-type'], parcel.bytes.equals(sent)]).toEqual(['application/json', true])
      expect((await s.ask(`POST ${parcel.postback}`, { body })).status).toBe(200)
    }
  })

  test('row 000-5: an answer is taken once, by whoever it was asked of', async () => {
    await using s = await httpStage({ tokens: { us: 'woof', them: 'hiss' } })
    await s.register('dog', {}, 'woof')
    const sn = await s.dispatch('dog', { body: 'WUFF', token: 'hiss' })
    const parcel = await s.poll('dog', 'woof')
    expect(await s.told(`POST ${parcel.postback}`, { body: 'mine', token: 'hiss' })).toMatchObject([
      403,
      { code: 'Forbidden', executed: 'no' },
    ])
    expect(await s.told('POST /postback/12345', { body: 'mine' })).toMatchObject([404, { code: 'NoSuchReceipt' }])
    expect(await s.told(`POST ${parcel.received}`, { body: '{"status":"received","receipt_id":"12345"}', token: 'woof' })).toEqual([
      200,
      { status: 'received' },
    ])
    expect(await s.told('POST /postback/12345', { body: 'mine', token: 'hiss' })).toMatchObject([404, { code: 'NoSuchReceipt' }])
    expect(await s.told('POST /postback/12345', { body: 'done', token: 'woof' })).toEqual([200, { status: 'answered' }])
    for (const path of ['/postback/12345', parcel.postback])
      expect(await s.told(`POST ${path}`, { body: 'again', token: 'woof' })).toMatchObject([
        409,
        { code: 'Answered', executed: 'yes', retryable: false },
      ])
    expect((await s.ask(`GET /receipts/${sn}/result`, { token: 'hiss' })).bytes.toString()).toBe('done')
    expect(await s.told(`GET /receipts/${sn}`, { token: 'woof' })).toMatchObject([404, { code: 'NoSuchReceipt' }])
  })

  test('row 000-5: an answer may be that it failed, and comes too late for what was cancelled', async () => {
    await using s = await httpStage()
    await s.register('dog')
    for (const how of [
      { query: '?failed', headers: {} },
      { query: '', headers: { 'waybill-outcome': 'exception' } },
    ]) {
      const sn = await s.dispatch('dog')
      const { postback } = await s.poll('dog')
      expect((await s.told(`POST ${postback}`, { headers: { 'waybill-outcome': 'perhaps' } }))[0]).toBe(400)
      expect((await s.ask(`POST ${postback}${how.query}`, { body: 'no bone', headers: how.headers })).status).toBe(200)
      const failed = { code: 'RemoteException', message: 'no bone', executed: 'yes', retryable: false }
      expect(await s.told(`GET /receipts/${sn}/result`)).toEqual([500, failed])
    }
    const sn = await s.dispatch('dog')
    const { postback } = await s.poll('dog')
    expect(await s.told(`POST /receipts/${sn}/cancel`)).toEqual([200, { status: 'cancelling', receipt_id: sn }])
    expect((await s.told(`GET /receipts/${sn}?wait=10`))[1]).toMatchObject({ status: 'cancelled' })
    expect(await s.told(`POST ${postback}`, { body: 'late' })).toMatchObject([410, { code: 'Expired' }])
    expect(await s.told(`POST /receipts/${sn}/cancel`)).toEqual([200, { status: 'ended', receipt_id: sn }])
  })

  test('row 000-6: for nobody it is refused, or waits as long as it may', async () => {
    await using s = await httpStage()
    expect(await s.told('POST /dispatch/dog', { body: 'WUFF' })).toMatchObject([
      404,
      { code: 'NoSuchClient', executed: 'no', retryable: true, message: expect.stringContaining('POST /register') },
    ])
    const sn = await s.dispatch('dog', { body: 'late', headers: { 'waybill-ttl': '5m' } })
    const gone = await s.dispatch('cat', { body: 'never', headers: { 'waybill-ttl': '1' } })
    expect((await s.told(`GET /receipts/${gone}?wait=10`))[1]).toMatchObject({ status: 'expired' })
    expect(await s.told(`GET /receipts/${gone}/result`)).toMatchObject([410, { code: 'Expired', executed: 'no' }])
    await s.register('dog')
    const parcel = await s.poll('dog')
    expect([parcel.bytes.toString(), parcel.headers['waybill-receipt']]).toEqual(['late', sn])
    await s.ask(`POST ${parcel.postback}`)
  })

  test('row 000-9: an outcome that finds nobody waits for who sent the parcel, who comes for it under his name or its receipt', async () => {
    await using s = await httpStage()
    await s.register('dog')
    await s.register('walker')
    const sn = await s.dispatch('dog', { body: 'WUFF', headers: { 'waybill-from': 'walker' } })
    const parcel = await s.poll('dog')
    expect(parcel.headers['waybill-from']).toBe('walker')
    await s.ask(`POST ${parcel.postback}`, { body: 'done', headers: { 'content-type': 'text/x-dog' } })
    const told = await s.poll('walker')
    expect([told.bytes.toString(), told.postback]).toEqual(['done', ''])
    expect(told.headers).toMatchObject({ 'waybill-kind': 'result', 'waybill-receipt': sn, 'content-type': 'text/x-dog' })
    expect(await s.told(`POST ${told.received}`)).toEqual([200, { status: 'received' }])
    expect((await s.ask('GET /receive?name=walker&wait=0.1')).status).toBe(204)
    expect((await s.ask(`GET /receipts/${sn}/result`)).bytes.toString()).toBe('done')
  })
})

describe('coming for parcels', () => {
  test('nothing is 204; a head is lent nothing; who hangs up takes nothing', async () => {
    await using s = await httpStage()
    await s.register('dog')
    const nothing = await s.ask('GET /receive?name=dog&wait=0')
    expect([nothing.status, nothing.bytes.byteLength]).toEqual([204, 0])
    const left = request(`${s.url}/receive?name=dog&wait=300`, { agent: false }).on('error', () => {})
    left.end()
    await new Promise((resolve) => setTimeout(resolve, 100))
    left.destroy()
    await new Promise((resolve) => setTimeout(resolve, 100))
    await s.dispatch('dog')
    for (let n = 0; n < 3; n++) expect((await s.ask('HEAD /receive?name=dog&wait=0')).status).toBe(204)
    const parcel = await s.poll('dog')
    expect(parcel.bytes.toString()).toBe('WUFF')
    await s.ask(`POST ${parcel.postback}`)
    const wrong = ['', '?name=', '?name=a%20b', '?name=dog&wait=301', '?name=dog&wait=-1', '?name=dog&wait=x', '?name=dog&lease=3601']
    for (const query of wrong)
      expect([query, ...(await s.told(`GET /receive${query}`))]).toMatchObject([query, 400, { code: 'BadArguments' }])
    expect((await s.told('GET /receive?name=cat&wait=0'))[0]).toBe(404)
  })

  test('as events: one after the other, what is said of each beside its bytes, until the reader leaves', async () => {
    await using s = await httpStage()
    await s.register('dog')
    const sn = await s.dispatch('dog', { body: Uint8Array.of(0, 0xff, 0x10), headers: { 'content-type': 'image/png' } })
    const leaves = new AbortController()
    const events = await fetch(`${s.url}/receive?name=dog`, { headers: { accept: 'text/event-stream' }, signal: leaves.signal })
    expect(events.headers.get('content-type')).toBe('text/event-stream')
    const reader = events.body!.pipeThrough(new TextDecoderStream()).getReader()
    const next = async (): Promise<{ event: string; id: string; data: Record<string, unknown> }> => {
      let text = ''
      while (!text.endsWith('\n\n')) text += (await reader.read()).value
      const lines = text
        .trimEnd()
        .split('\n')
        .map((line) => line.split(/: (.*)/, 2) as [string, string])
      const { event, id, data } = Object.fromEntries(lines) as Record<string, string>
      return { event: event!, id: id!, data: JSON.parse(data!) as Record<string, unknown> }
    }
    const first = await next()
    expect(first).toMatchObject({
      event: 'parcel',
      data: { kind: 'parcel', receipt_id: sn, from: 'http', attempt: 1, headers: { 'content-type': 'image/png' }, base64: 'AP8Q' },
    })
    expect(first.data['postback']).toBe(`${s.url}/postback/${first.id}`)
    await s.dispatch('dog', { body: 'two' })
    const second = await next()
    expect(second.data['base64']).toBe(Buffer.from('two').toString('base64'))
    for (const { id } of [first, second]) expect((await s.ask(`POST /postback/${id}`)).status).toBe(200)
    leaves.abort()
    await s.dispatch('dog', { body: 'three' })
    const { bytes, postback } = await s.poll('dog')
    expect(bytes.toString()).toBe('three')
    await s.ask(`POST ${postback}`)
  })

  test('row 000-10: a receiver needs curl, and the headers of what it was given', async () => {
    await using s = await httpStage()
    const script = `
      set -e
      curl -sf -d '{"name":"dog"}' ${s.url}/register > /dev/null
      curl -sf -D head -o body "${s.url}/receive?name=dog&wait=30"
      postback=$(tr -d '\\r' < head | sed -n 's/^waybill-postback: //p')
      sed 's/WUFF/WAU/' body | curl -sf --data-binary @- "$postback" > /dev/null`
    const folder = mkdtempSync(join(tmpdir(), 'waybill-curl-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const receiver = new Child('/bin/sh', ['-c', `cd ${folder} && ${script}`], {})
    await expect.poll(async () => (await s.told('GET /register'))[1]).toHaveLength(1)
    const sn = await s.dispatch('dog', { body: 'WUFF!' })
    expect(await receiver.ended).toEqual({ code: 0, signal: null })
    expect((await s.ask(`GET /receipts/${sn}/result?wait=10`)).bytes.toString()).toBe('WAU!')
  })
})

describe('bounds', () => {
  test('a body that is too large is refused as early as that is known, and so is one that nobody asked for', async () => {
    await using s = await httpStage()
    await s.register('dog')
    const early = (path: string, headers: string): Promise<string> =>
      new Promise((resolve) => {
        let text = ''
        const socket = dial({ host: '127.0.0.1', port: s.router.port! }, () =>
          socket.write(`POST ${path} HTTP/1.1\r\nhost: localhost\r\n${headers}\r\n\r\n`),
        )
        socket.on('data', (chunk: Buffer) => {
          text += chunk.toString()
          if (text.endsWith('}\n')) socket.destroy()
        })
        socket.on('close', () => resolve(text))
        socket.on('error', () => {})
      })
    // The body never comes.
    expect(await early('/register', 'content-length: 70000')).toMatch(/^HTTP\/1\.1 413 /)
    expect(await early('/postback/12345', 'transfer-encoding: chunked')).toMatch(/^HTTP\/1\.1 404 /)
    expect(await s.told('POST /register', { body: JSON.stringify({ name: 'dog', x: 'x'.repeat(70_000) }) })).toMatchObject([
      413,
      { code: 'TooLarge' },
    ])
    const long = await s.told('POST /dispatch/dog', { headers: { 'content-type': 'x'.repeat(2000) } })
    expect(long).toMatchObject([400, { code: 'BadArguments', message: expect.stringContaining('cannot travel') }])
    expect((await s.ask('POST /dispatch/dog', { headers: { 'waybill-data': '"'.repeat(9000) } })).status).toBe(431)
  })

  test('a body that does not go on ends its request, and nothing of it is stored', async () => {
    await using s = await httpStage({ limits: { openingMs: 100 } })
    await s.register('dog')
    const text = await new Promise<string>((resolve) => {
      let got = ''
      const socket = dial({ host: '127.0.0.1', port: s.router.port! }, () =>
        socket.write('POST /dispatch/dog HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\r\nWU'),
      )
      socket.on('data', (chunk: Buffer) => (got += chunk.toString()))
      socket.on('close', () => resolve(got))
    })
    expect(text).toMatch(/^HTTP\/1\.1 400 [\s\S]*nothing was stored/)
    expect((await s.ask('GET /receive?name=dog&wait=0')).status).toBe(204)
  })

  test('what is wrong with a request is said by its name', async () => {
    await using s = await httpStage()
    await s.register('dog')
    const wrong: [Record<string, string>, RegExp][] = [
      [{ 'waybill-ttl': 'soon' }, /waybill-ttl/],
      [{ 'waybill-data': '{' }, /waybill-data is not JSON/],
      [{ 'waybill-from': 'a b' }, /not the name of a client/],
      [{ 'idempotency-key': 'k'.repeat(257) }, /the key has 257 characters/],
    ]
    for (const [headers, message] of wrong)
      expect(await s.told('POST /dispatch/dog', { headers })).toMatchObject([
        400,
        { executed: 'no', message: expect.stringMatching(message) },
      ])
    expect(await s.told('GET /nowhere')).toMatchObject([404, { code: 'NoSuchMethod', message: expect.stringContaining('GET /nowhere') }])
    expect(await s.told('POST /dispatch')).toMatchObject([404, { code: 'NoEdge' }])
    expect([await s.told('GET /healthz'), await s.told('GET /readyz')]).toEqual([
      [200, { status: 'ok' }],
      [200, { status: 'ready' }],
    ])
    const key = { body: 'WUFF', headers: { 'idempotency-key': 'k' } }
    const sn = await s.dispatch('dog', key)
    expect(await s.told('POST /dispatch/dog', key)).toEqual([200, { status: 'received', receipt_id: sn, duplicate: true }])
    await s.ask(`POST /receipts/${sn}/cancel`)
  })
})
