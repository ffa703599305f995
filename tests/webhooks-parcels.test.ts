/** A receiver with an address, from registering to the answer, over the HTTP door. */
import { createRouter } from '@waybill/server'
import { createHmac } from 'node:crypto'
import { afterAll, expect, test } from 'vitest'
import { signedText } from '../packages/server/src/webhooks/index.js'
import { deserted, receives } from './receivers.js'

interface Said {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

const asking =
  (port: number) =>
  async (path: string, body?: string): Promise<Said> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      ...(body !== undefined && { body }),
    })
    const text = await response.text()
    return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as Said['body'] }
  }

test('row 16: an address is registered where the operator lets it be, and posted to with the key that registering gave', async () => {
  await using router = await createRouter({ listen: { port: 0 }, webhooks: { loopback: true } })
  const ask = asking(router.port!)
  await using receiver = await receives((_request, response) => response.end('{"receipt_id":"mine"}'))
  const address = `http://127.0.0.1:${receiver.port}/receive`
  const registered = await ask('/register', JSON.stringify({ name: 'dog', address }))
  expect(registered).toMatchObject({ status: 200, body: { status: 'registered', name: 'dog', address, key: expect.any(String) } })
  // It is told once.
  expect(JSON.stringify((await ask('/register')).body)).not.toContain('waybill_hook_')

  const { body: sent } = await ask('/dispatch/dog', 'hello')
  await expect.poll(() => receiver.received.length).toBe(1)
  const { headers, body } = receiver.received[0]!
  const all = headers as Record<string, string>
  expect([body.toString(), all['waybill-receipt']]).toEqual(['hello', sent['receipt_id']])
  const [, t, sha256, names, hmac] = /^t=(\d+); sha256=(\w+); headers=([\w -]+); hmac=(\w+)$/.exec(all['waybill-signature']!)!
  expect(names!.split(' ')).toEqual(expect.arrayContaining(['waybill-postback', 'waybill-receipt']))
  const named = Object.fromEntries(names!.split(' ').map((name) => [name, all[name]!]))
  const text = signedText({ address, headers: named, bytes: body.byteLength, sha256, atMs: Number(t) })
  expect(hmac).toBe(
    createHmac('sha256', registered.body['key'] as string)
      .update(text)
      .digest('hex'),
  )

  await fetch(all['waybill-postback']!, { method: 'POST', body: 'wau' })
  await expect.poll(async () => (await ask(`/receipts/${String(sent['receipt_id'])}`)).body['state']).toBe('succeeded')
})

test('row 16: without the operator’s word no address is registered; what is refused there is told to who sent it', async () => {
  await using closed = await createRouter({ listen: { port: 0 } })
  const address = `http://127.0.0.1:${await deserted()}/`
  const refused = await asking(closed.port!)('/register', JSON.stringify({ name: 'dog', address }))
  expect(refused).toMatchObject({ status: 403, body: { code: 'Forbidden', executed: 'no', message: expect.stringContaining('--webhook') } })

  await using router = await createRouter({ listen: { port: 0 }, webhooks: { loopback: true } })
  const ask = asking(router.port!)
  const elsewhere = await ask('/register', JSON.stringify({ name: 'cat', address: 'http://169.254.169.254/latest' }))
  expect(elsewhere).toMatchObject({ status: 403, body: { details: { reason: 'origin' } } })
  expect((await ask('/register', JSON.stringify({ name: 'dog', address }))).status).toBe(200)
  const { body: sent } = await ask('/dispatch/dog', 'hello')
  const receipt = (): Promise<Said> => ask(`/receipts/${String(sent['receipt_id'])}`)
  await expect.poll(async () => JSON.stringify((await receipt()).body)).toContain('refused the connection')
})

const unwilling: readonly (readonly [what: string, port: () => Promise<number>, failure: object])[] = [
  ['refuses the connection', deserted, { code: 'Rejected', executed: 'no' }],
  ['says no', () => answering(404), { code: 'Rejected', executed: 'no' }],
  ['fails', () => answering(503), { executed: 'maybe' }],
  ['sends elsewhere', () => answering(302), { code: 'ProtocolViolation', executed: 'maybe' }],
  ['does not answer in time', () => answering(0), { code: 'IdleTimeout', executed: 'maybe' }],
]
const open: AsyncDisposable[] = []
afterAll(() => Promise.all(open.map((one) => one[Symbol.asyncDispose]())))

/** Whoever asks there is answered so, and with 0 not at all. */
async function answering(status: number): Promise<number> {
  const receiver = await receives((_request, response) => {
    if (status !== 0) response.writeHead(status, { location: '/elsewhere' }).end()
  })
  open.push(receiver)
  return receiver.port
}

test('row 000-4: what a receiver answers stands in the receipt: that it has the parcel, under a name of its own, or why it has not', async () => {
  await using router = await createRouter({ listen: { port: 0 }, webhooks: { loopback: true, answerMs: 500 } })
  const ask = asking(router.port!)
  await using willing = await receives((_request, response) => response.end('{"status":"received","receipt_id":"12345"}'))
  await ask('/register', JSON.stringify({ name: 'dog', address: `http://127.0.0.1:${willing.port}/receive` }))
  const { body: sent } = await ask('/dispatch/dog', 'hello')
  const receipt = async (): Promise<Said['body']> => (await ask(`/receipts/${String(sent['receipt_id'])}`)).body
  await expect.poll(async () => (await receipt())['state']).toBe('started')
  // By that name it answers, and not again.
  expect((await ask('/postback/12345', 'done')).status).toBe(200)
  expect((await receipt())['state']).toBe('succeeded')
  expect((await ask('/postback/12345', 'again')).status).toBe(409)
  for (const [what, port, failure] of unwilling) {
    await ask('/register', JSON.stringify({ name: 'cat', address: `http://127.0.0.1:${await port()}/receive` }))
    const { body: refused } = await ask('/dispatch/cat', 'hello')
    const result = await ask(`/receipts/${String(refused['receipt_id'])}/result?wait=5`)
    expect(result.status, what).toBeGreaterThanOrEqual(400)
    expect(result.body, what).toMatchObject({ message: expect.any(String), ...failure })
  }
})

test('a parcel that is longer than a frame is posted as a stream, its length signed', async () => {
  await using router = await createRouter({ listen: { port: 0 }, webhooks: { loopback: true } })
  const ask = asking(router.port!)
  await using receiver = await receives()
  await ask('/register', JSON.stringify({ name: 'dog', address: `http://127.0.0.1:${receiver.port}/` }))
  const body = Buffer.alloc(5 * 1024 * 1024 + 1, 'waybill ')
  expect((await fetch(`http://127.0.0.1:${router.port}/dispatch/dog`, { method: 'POST', body })).status).toBeLessThan(300)
  await expect.poll(() => receiver.received.length).toBe(1)
  const { headers, body: arrived } = receiver.received[0]!
  expect(arrived.equals(body)).toBe(true)
  expect([headers['content-length'], headers['waybill-signature']]).toEqual([
    String(body.byteLength),
    expect.stringContaining('; sha256=; '),
  ])
})
