/** `Waybill-Signature` as PROTOCOL.md has it: its vector, the example that verifies it, and what a change of anything signed does to it. */
import { spawnSync } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { World } from '@waybill/testkit'
import { expect, test } from 'vitest'
import { signatureOf, signedText, type Signed } from '../packages/server/src/webhooks/index.js'
import { never, receives, webhooks } from './receivers.js'
import { Document } from './vectors/document.js'

interface Vector {
  readonly key: string
  readonly address: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly nowMs: number
}

const protocol = new Document('PROTOCOL.md')
const vector = JSON.parse(protocol.fence('json webhook')) as Vector
const { 'waybill-signature': given, ...headers } = vector.headers
const signed: Signed = {
  address: vector.address,
  headers,
  bytes: Buffer.byteLength(vector.body),
  sha256: /sha256=(\w+)/.exec(given!)![1],
  atMs: vector.nowMs - 1000,
}

/** An independent reading of the page: what the example of Python does. */
function isSigned({ key, address, headers: all, body }: Omit<Vector, 'body' | 'nowMs'> & { body: Uint8Array }): boolean {
  const parts = Object.fromEntries(all['waybill-signature']!.split('; ').map((part) => part.split('='))) as Record<string, string>
  const names = parts['headers']!.split(' ').map((name) => `${name}: ${all[name]}\n`)
  const text = `waybill-webhook-1\n${parts['t']}\n${address}\n${body.byteLength}\n${parts['sha256']}\n${names.join('')}`
  return parts['hmac'] === createHmac('sha256', key).update(text).digest('hex')
}

test('the vector is what is written, and the text that is signed stands there too', () => {
  expect(signedText(signed)).toBe(protocol.fence('text webhook'))
  expect(signatureOf(vector.key, signed)).toBe(given)
})

const python = ['python3', '/usr/bin/python3'].find((path) => spawnSync(path, ['--version']).status === 0)
test.skipIf(python === undefined)('the example in Python takes the vector, and nothing that was changed', () => {
  const check = `
import copy, json, sys
vector = json.load(sys.stdin)
def verdict(**changes):
    one = copy.deepcopy(vector)
    one['headers'].update(changes.pop('headers', {}))
    one.update(changes)
    return is_ours(one['key'], one['address'], one['headers'], one['body'].encode(), one['nowMs'])
print(json.dumps([verdict(), verdict(body='hellO'), verdict(body='hello!'), verdict(key='other'), verdict(address='https://other.example/'),
    verdict(nowMs=vector['nowMs'] + 300000), verdict(headers={'waybill-postback': 'https://evil.example/'}),
    verdict(headers={'waybill-receipt': 'other'}), verdict(headers={'waybill-signature': vector['headers']['waybill-signature'].replace('sha256=', 'sha256=0')})]))
`
  const { stdout, stderr } = spawnSync(python!, ['-c', protocol.fence('python webhook') + check], {
    input: JSON.stringify(vector),
    encoding: 'utf8',
  })
  expect(stderr).toBe('')
  expect(JSON.parse(stdout)).toEqual([true, ...Array.from({ length: 8 }, () => false)])
})

test('a post is signed with the key of its registration, at its time', async () => {
  await using receiver = await receives()
  const world = new World()
  const ports = world.process('router')
  const posting = webhooks({ loopback: true, signingKey: 'k'.repeat(32) }, { ports })
  // As it was registered: what a URL is read as may be written otherwise.
  const address = `http://127.0.0.1:${receiver.port}`
  const registered = { principal: 'local', name: 'dog', address, registeredMs: 1 }
  const key = posting.keyOf(registered, new Uint8Array(32))
  const body = Buffer.from('hello')
  const given = { 'Content-Type': 'text/plain', 'Waybill-Receipt': 'r1' }
  await posting.post(address, { headers: given, body, bytes: 5, key }, never)
  const source = (async function* () {
    yield body
  })()
  await posting.post(address, { headers: given, body: source, bytes: 5, key }, never)
  await posting.post(address, { headers: given, body, bytes: 5 }, never)
  const [whole, streamed, unsigned] = receiver.received.map((one) => ({ ...one, headers: one.headers as Record<string, string> }))
  expect(whole!.headers['waybill-signature']).toMatch(
    new RegExp(`^t=${ports.clock.wallMs()}; sha256=\\w{64}; headers=content-type waybill-receipt; hmac=\\w{64}$`),
  )
  expect(streamed!.headers['waybill-signature']).toContain('; sha256=; ')
  for (const { headers: all, body: arrived } of [whole!, streamed!]) {
    expect(isSigned({ key, address, headers: all, body: arrived })).toBe(true)
    expect(isSigned({ key, address, headers: { ...all, 'waybill-receipt': 'r2' }, body: arrived })).toBe(false)
  }
  expect(unsigned!.headers).not.toHaveProperty('waybill-signature')
})

test('each registration has a key of its own, the same at every start, and none tells of another', () => {
  const secret = new Uint8Array(32).fill(1)
  const registered = { principal: 'local', name: 'dog', address: 'http://127.0.0.1:1/', registeredMs: 1 }
  const keyOf = (of: Partial<typeof registered> = {}, from = secret): string => webhooks().keyOf({ ...registered, ...of }, from)
  expect(keyOf()).toBe(keyOf())
  expect(keyOf()).toMatch(/^waybill_hook_[\w-]{43}$/)
  const others = [{ principal: 'a' }, { name: 'cat' }, { address: 'http://127.0.0.1:2/' }, { registeredMs: 2 }].map((of) => keyOf(of))
  expect(new Set([keyOf(), ...others, keyOf({}, new Uint8Array(32))]).size).toBe(6)
  // The operator's own key goes before the secret of the store, and is long enough.
  const own = webhooks({ loopback: true, signingKey: 'k'.repeat(32) })
  expect(own.keyOf(registered, secret)).toBe(own.keyOf(registered, new Uint8Array(32)))
  expect(() => webhooks({ loopback: true, signingKey: 'k'.repeat(31) })).toThrow(/fewer than 32 bytes/)
})
