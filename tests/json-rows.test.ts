/** Rows of docs/rows.md about requests that are refused, and messages that are signed: through the JSON door, in the words of the envelopes. */
import { createHmac, generateKeyPairSync, sign, verify } from 'node:crypto'
import { service } from '@waybill/client'
import { createRouter, type SigningOptions } from '@waybill/server'
import { harness, realHarness, type Harness, type HarnessOptions } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'
import { Signer, signedBytes, type Signature } from '../packages/server/src/gateways/signing.js'
import { JsonPeer, type Json } from './json-peer.js'
import { JsonStage } from './json-stage.js'

const SN = 'e7e91fb6-611b-4284-a9ed-ac1636b2c709'
const dog = service<{ bark(phrase: string): string }>('Dog@1.0.0', { bark: {} })
/** The request that the design of such calls shows, with its two agents, but for the version. */
const request = (version: string): string => `{
    "sn": "e7e91fb6-611b-4284-a9ed-ac1636b2c709",
    "routing": [
        "cfa806a4-919a-495f-b1dd-3fc11be9a8d0" ,
        "19802a28-a18c-4ae3-ac57-b7a2e78a427a"
    ],
    "replyto": "cfa806a4-919a-495f-b1dd-3fc11be9a8d0",
    "version": "${version}",
    "request": {
        "classname": "Dog",
        "method": "bark",
        "args": ["hello"],
        "kws": {}
    }
 }`

describe('refusals', () => {
  test('row 004-3: another version is rejected, and the same request of this one runs', async () => {
    await using h = await realHarness()
    const agent = await h.client('19802a28-a18c-4ae3-ac57-b7a2e78a427a')
    const barked: string[] = []
    await agent.expose(dog, { bark: (phrase) => (barked.push(phrase), 'Yes master.  I will bark because that is what dogs do.') })
    const peer = await JsonPeer.open(h.url, 'cfa806a4-919a-495f-b1dd-3fc11be9a8d0')
    peer.say(request('0.2'))
    expect(await peer.next()).toEqual({
      sn: SN,
      status: 'rejected',
      code: 'Incompatible',
      description: expect.stringContaining('0.2') as string,
      details: { expected: '1.0', found: '0.2' },
    })
    expect(barked).toEqual([])
    peer.say(request('1.0'))
    expect(await peer.ended(SN)).toMatchObject({
      sn: SN,
      version: '1.0',
      result: { retval: 'Yes master.  I will bark because that is what dogs do.' },
    })
    expect(barked).toEqual(['hello'])
    peer.say(request('1.0').replace('"bark"', '5'))
    expect(await peer.ended(SN)).toMatchObject({ status: 'rejected', code: 'ProtocolViolation', details: { field: 'request.method' } })
    await peer.close()
  })

  test('row 004-3: a bad signature is rejected, with what is wrong', async () => {
    const { stage, h, say } = await signed()
    await using _ = h
    opened(stage)
    const asked = { n: 1, sn: SN, replyto: 'walker', request: { classname: 'waybill.Router', method: 'info' } }
    say(asked, (signature) => ({ ...signature, value: Buffer.alloc(32).toString('base64') }))
    expect(opened(stage)).toMatchObject({
      sn: SN,
      status: 'rejected',
      code: 'Unauthorized',
      description: expect.stringContaining('signature') as string,
      details: { reason: 'value' },
    })
    await h.advance(25)
    expect(stage.texts).toEqual([])
    stage.door.closed({ reason: '' })
  })
})

const secret = 'a secret of at least 32 bytes, known to both'
const pair = generateKeyPairSync('ed25519', {
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
})
const routers = generateKeyPairSync('ed25519', {
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
})
const signing: SigningOptions = {
  own: 'depot',
  required: true,
  keys: {
    depot: { algorithm: 'ed25519', privateKey: routers.privateKey },
    mac: { algorithm: 'hmac-sha256', secret },
    pen: { algorithm: 'ed25519', publicKey: pair.publicKey },
    bobs: { algorithm: 'hmac-sha256', secret: `${secret}, bob`, principal: 'bob' },
  },
}

interface Signed {
  readonly h: Harness
  readonly stage: JsonStage
  /** Says a message within a signature, which may be spoiled on the way. */
  say(message: Json | string, spoil?: (signature: Signature, message: string) => object): void
}

/** A client that has begun with a signed hello, and the router's answer taken. */
async function signed(keyId: 'mac' | 'pen' | 'bobs' = 'mac', options: HarnessOptions = {}): Promise<Signed> {
  const h = harness(options)
  const stage = new JsonStage(h, { signer: new Signer(signing) })
  const say: Signed['say'] = (message, spoil = (signature) => signature) => {
    const text = typeof message === 'string' ? message : JSON.stringify(message)
    const created = Math.floor(h.world.process('clock').clock.wallMs())
    const bare = {
      keyId,
      algorithm: keyId === 'pen' ? 'ed25519' : 'hmac-sha256',
      created,
      expires: created + 60_000,
      audience: 'router',
      value: '',
    }
    const key = keyId === 'bobs' ? `${secret}, bob` : secret
    const value = (of: Signature): string =>
      (keyId === 'pen'
        ? sign(null, signedBytes(of, Buffer.from(text)), pair.privateKey)
        : createHmac('sha256', key)
            .update(signedBytes(of, Buffer.from(text)))
            .digest()
      ).toString('base64')
    const spoiled = spoil({ ...bare, value: value(bare) }, text) as Signature
    stage.say({ message: text, signature: spoiled.value === '' ? { ...spoiled, value: value(spoiled) } : spoiled })
  }
  say({ hello: { version: 1, name: 'walker' } })
  await h.advance(0)
  return { h, stage, say }
}

/** The next thing that the router said, once its signature is right. */
function opened(stage: JsonStage): Json {
  const { message, signature } = JSON.parse(stage.texts.shift() ?? '{}') as { message: string; signature: Signature }
  const isRight = verify(null, signedBytes(signature, Buffer.from(message)), routers.publicKey, Buffer.from(signature.value, 'base64'))
  expect({ isRight, keyId: signature.keyId, most: signature.expires - signature.created <= 300_000 }).toEqual({
    isRight: true,
    keyId: 'depot',
    most: true,
  })
  return { ...(JSON.parse(message) as Json), audience: signature.audience }
}

describe('signatures', () => {
  test.each(['mac', 'pen'] as const)('row 004-14: %s: both directions sign, and what is right is taken as it stands', async (keyId) => {
    const { h, stage, say } = await signed(keyId)
    await using _ = h
    const { welcome } = opened(stage) as { welcome: { session: string } }
    const kennel = await h.client('kennel')
    await kennel.expose(dog, { bark: (phrase) => phrase.toUpperCase() })
    say(`{ "sn":"${SN}", "replyto":"walker","statuses":false,"request":{"classname":"Dog","method":"bark","args":["wau\\u00fc"]}}`)
    await h.advance(25)
    expect(opened(stage)).toMatchObject({ sn: SN, result: { retval: 'WAUÜ' }, audience: welcome.session })
    say({ goodbye: {} })
    stage.door.closed({ reason: '' })
  })

  test('row 004-14: what is not signed, or not with the key of the connection, is not taken', async () => {
    const { h, stage, say } = await signed()
    await using _ = h
    opened(stage)
    stage.say({ sn: SN, subscribe: { topic: 'a' } })
    expect(opened(stage)).toMatchObject({ sn: SN, code: 'Unauthorized', details: { reason: 'unsigned' } })
    stage.say({ message: '{"subscribe":{"topic":"a"}}' })
    expect(opened(stage)).toMatchObject({ status: 'rejected', code: 'ProtocolViolation' })
    stage.say({ goodbye: {} })
    expect(opened(stage)).toMatchObject({ details: { reason: 'unsigned' } })
    say({ subscribe: { topic: 'a' } }, (signature, text) => {
      const other = { ...signature, keyId: 'pen', algorithm: 'ed25519' }
      return { ...other, value: sign(null, signedBytes(other, Buffer.from(text)), pair.privateKey).toString('base64') }
    })
    expect(opened(stage)).toMatchObject({ code: 'Unauthorized', details: { reason: 'keyId' } })
    await h.advance(25)
    expect([h.router.load.subscriptions, h.router.load.sessions, stage.texts]).toEqual([0, 1, []])
    stage.door.closed({ reason: '' })
  })

  test('row 004-14: a router that requires signatures refuses who begins without, over a real socket, and bad keys at once', async () => {
    await using h = await realHarness({ signing })
    const peer = await JsonPeer.dial(h.url)
    peer.say({ hello: { version: 1 } })
    expect(await peer.next()).toMatchObject({ refused: { code: 'Unauthorized' } })
    expect((await peer.closed).code).toBe(4000)
    for (const keys of [
      { depot: { algorithm: 'hmac-sha256', secret: 'short' } },
      { depot: { algorithm: 'ed25519', privateKey: 'none' } },
      { depot: { algorithm: 'ed25519', publicKey: pair.publicKey } },
      { 'a b': { algorithm: 'hmac-sha256', secret } },
      {},
    ] as SigningOptions['keys'][])
      await expect(createRouter({ listen: { port: 0 }, signing: { keys, own: 'depot' } })).rejects.toMatchObject({ code: 'BadArguments' })
  })

  test('row 004-14: a hello that is not rightly signed is refused, also where none needs to be signed', async () => {
    await using h = await realHarness({ signing: { ...signing, required: false } })
    const now = Date.now()
    const signature = { keyId: 'mac', algorithm: 'hmac-sha256', created: now, expires: now + 1000, audience: 'router', value: 'AAAA' }
    const peer = await JsonPeer.dial(h.url)
    peer.say({ message: '{"hello":{"version":1}}', signature })
    expect(await peer.next()).toMatchObject({ refused: { code: 'Unauthorized', message: expect.stringContaining('signature') as string } })
    expect((await peer.closed).code).toBe(4000)
    const plain = await JsonPeer.open(h.url)
    plain.say({ message: JSON.stringify({ sn: SN, subscribe: { topic: 'a' } }), signature })
    expect(await plain.next()).toMatchObject({ sn: SN, status: 'rejected', code: 'Unauthorized' })
    const right = {
      ...signature,
      value: createHmac('sha256', secret)
        .update(signedBytes(signature, Buffer.from(`{"sn":"${SN}","subscribe":{"topic":"a"}}`)))
        .digest('base64'),
    }
    plain.say({ message: `{"sn":"${SN}","subscribe":{"topic":"a"}}`, signature: right })
    expect(await plain.next()).toMatchObject({ sn: SN, result: {} })
    await plain.close()
  })

  test('row 004-14: a key of one principal is no key of another', async () => {
    const { h, stage } = await signed('bobs')
    await using _ = h
    expect(opened(stage)).toMatchObject({ refused: { code: 'Forbidden' } })
    expect(stage.ends).toEqual(['end 4000'])
    stage.door.closed({ reason: '' })
    await h.advance(1000)
    expect(h.router.load.sessions).toBe(0)
  })

  test('row 19: every field is signed, every bound is kept, and each message is taken once', async () => {
    const { h, stage, say } = await signed()
    await using _ = h
    opened(stage)
    const message = { subscribe: { topic: 'a' } }
    const spoils: readonly (readonly [string, (signature: Signature) => object])[] = [
      ['keyId', (signature) => ({ ...signature, keyId: 'nobody' })],
      ['algorithm', (signature) => ({ ...signature, algorithm: 'none' })],
      ['audience', (signature) => ({ ...signature, audience: 'elsewhere', value: '' })],
      ['created', (signature) => ({ ...signature, created: signature.created + 40_000, value: '' })],
      ['expires', (signature) => ({ ...signature, created: signature.created - 100_000, expires: signature.created - 1, value: '' })],
      ['expires', (signature) => ({ ...signature, expires: signature.created + 300_001, value: '' })],
      ['expires', (signature) => ({ ...signature, expires: signature.created, value: '' })],
      ['value', (signature) => ({ ...signature, expires: signature.expires + 1 })],
      ['value', (signature) => ({ ...signature, created: signature.created - 1 })],
      ['value', (signature) => ({ ...signature, value: 'AAAA' })],
    ]
    for (const [reason, spoil] of spoils) {
      say(message, spoil)
      expect([reason, opened(stage)]).toEqual([
        reason,
        expect.objectContaining({ status: 'rejected', code: 'Unauthorized', details: { reason } }),
      ])
    }
    for (const missing of ['keyId', 'value', 'created']) {
      say(message, ({ ...signature }) => ({ ...signature, [missing]: undefined }))
      expect([missing, opened(stage)]).toEqual([missing, expect.objectContaining({ status: 'rejected', code: 'ProtocolViolation' })])
    }
    let kept: Signature | undefined
    say(message, (signature) => (kept = { ...signature, expires: signature.created + 8000, value: '' }))
    kept = (JSON.parse(stage.heard.at(-1)!) as { signature: Signature }).signature
    await h.advance(5000)
    expect(
      stage.texts
        .splice(0)
        .map((text) => (JSON.parse(text) as { message: string }).message)
        .join(),
    ).toContain('"minted"')
    say(message, () => kept!)
    expect(opened(stage)).toMatchObject({ code: 'Unauthorized', details: { reason: 'replay' } })
    await h.advance(4000)
    stage.texts.length = 0
    say(message, () => kept!)
    expect(opened(stage)).toMatchObject({ code: 'Unauthorized', details: { reason: 'expires' } })
    expect(h.router.load.subscriptions).toBe(1)
    stage.door.closed({ reason: '' })
  })

  test('row 19: what is remembered is bounded: beyond that nothing is taken until something has expired', () => {
    const most = 100
    const signer = new Signer({ own: 'mac', keys: { mac: { algorithm: 'hmac-sha256', secret } } }, most)
    const take = (n: number, nowMs: number): void =>
      signer.check(Buffer.from(String(n)), signer.sign(String(n), 'router', nowMs), 'router', nowMs)
    for (let n = 0; n < most; n++) take(n, 1000)
    expect(() => take(most, 1000)).toThrow(expect.objectContaining({ code: 'Overloaded' }))
    expect(() => take(1, 302_000)).not.toThrow()
  })
})
