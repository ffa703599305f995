/** The JSON door as a peer may abuse it, and its numbers: acknowledgements, heartbeats, bounds. Over real sockets, or on virtual time without any. */
import { service } from '@waybill/client'
import { extensionField, Flag, FrameType, joinFields, Tag } from '@waybill/core'
import { harness, realHarness } from '@waybill/testkit'
import fc from 'fast-check'
import { WebSocket } from 'ws'
import { describe, expect, test } from 'vitest'
import { body, frameOf, HostilePeer } from './hostile-peer.js'
import { JsonPeer, type Json } from './json-peer.js'
import { JsonStage } from './json-stage.js'

const SN = 'e7e91fb6-611b-4284-a9ed-ac1636b2c709'
const dog = service<{ bark(phrase: unknown): unknown }>('Dog@1.0.0', { bark: {} })

describe('numbers', () => {
  test('row 003-ack: every message with a number is acknowledged once the router has it, on what goes back or by itself', async () => {
    await using h = harness()
    const stage = new JsonStage(h)
    stage.say({ hello: { version: 1 } })
    stage.say({ n: 1, sn: SN, subscribe: { topic: 'dog.*' } })
    stage.say({ n: 2, publish: { topic: 'dog.a' } })
    stage.say({ n: 3, publish: { topic: 'cat.a' } })
    await h.advance(25)
    expect(
      stage.said
        .map(({ ack }) => ack)
        .filter(Boolean)
        .at(-1),
    ).toBe(3)
    stage.say({ n: 4 })
    expect(stage.said.at(-1)).toEqual({ ack: 4 })
    stage.say({ n: 4, publish: { topic: 'cat.a' } })
    expect(stage.said.at(-1)).toMatchObject({ goodbye: { code: 'ProtocolViolation' } })
    expect(stage.ends).toEqual(['end 4001'])
    stage.door.closed({ reason: '' })
    await h.advance(0)
    expect(h.router.load.sessions).toBe(0)
  })

  test('who acknowledges gets numbers, and no further call while a window of them is out; who does not, while its connection is full', async () => {
    await using h = harness({ router: { limits: { windowBytes: 20_000 } } })
    const caller = await h.client('walker')
    for (const acknowledges of [true, false]) {
      const stage = new JsonStage(h)
      stage.say({ hello: { version: 1, acknowledges } })
      stage.say({ sn: SN, register: { service: 'Dog', methods: ['bark'], concurrency: 1000 } })
      await h.advance(25)
      if (acknowledges) stage.say({ ack: stage.said.filter(({ n }) => n).length })
      else stage.bufferedBytes = 100_000
      const calls = Array.from({ length: 100 }, (_, n) => caller.remote(dog).bark(`${n} ${'x'.repeat(900)}`))
      await h.advance(100)
      const first = stage.take('request')
      expect(first.length).toBeGreaterThan(15)
      expect(first.length).toBeLessThan(40)
      expect(first.every(({ n }) => (n === undefined) !== acknowledges)).toBe(true)
      const all = [...first]
      while (all.length < 100) {
        if (acknowledges) stage.say({ ack: all.at(-1)!['n'] })
        else {
          stage.bufferedBytes = 0
          stage.door.flushed()
          stage.bufferedBytes = 100_000
        }
        await h.advance(100)
        const more = stage.take('request')
        expect(more.length).toBeGreaterThan(0)
        all.push(...more)
      }
      for (const { sn } of all) stage.say({ sn, result: { retval: 1 } })
      await h.until(Promise.all(calls))
      stage.say({ goodbye: {} })
      stage.door.closed({ reason: '' })
    }
    const stage = new JsonStage(h)
    stage.say({ hello: { version: 1, acknowledges: true } })
    stage.say({ ack: 99 })
    expect(stage.said.at(-1)).toMatchObject({ goodbye: { code: 'ProtocolViolation' } })
    stage.door.closed({ reason: '' })
  })

  test('a client that sends without end is not read from, nor one that does not read', async () => {
    await using h = harness({ router: { limits: { windowBytes: 10_000, maxOutboundBytes: 10_000, maxFrameBytes: 4096 } } })
    const stage = new JsonStage(h)
    stage.say({ hello: { version: 1 } })
    stage.bufferedBytes = 2_000_000
    stage.say({ what: 1 })
    expect(stage.ends).toEqual(['pause'])
    stage.bufferedBytes = 0
    stage.door.flushed()
    expect(stage.ends).toEqual(['pause', 'resume'])
    // Its own calls are answered to it, and it takes nothing: what the router says waits, within its bound.
    stage.bufferedBytes = 100_000
    for (let n = 0; n < 2000 && stage.ends.length < 3; n++) {
      stage.say({
        sn: crypto.randomUUID(),
        replyto: (stage.said[0]!['welcome'] as Json)['name'],
        request: { classname: 'waybill.Router', method: 'info', args: ['x'.repeat(3000)] },
      })
      await h.advance(1)
    }
    expect(stage.ends.slice(2)).toEqual(['pause'])
    stage.door.closed({ reason: '' })
  })
})

describe('life', () => {
  test('who is silent is asked, by message and by transport, and then ended; either answer will do', async () => {
    await using h = harness()
    const stage = new JsonStage(h)
    stage.say({ hello: { version: 1 } })
    await h.advance(10_000)
    expect([stage.take('heartbeat'), stage.pings]).toEqual([[{ heartbeat: 'ping' }], 1])
    stage.say({ heartbeat: 'pong' })
    await h.advance(10_000)
    stage.door.alive()
    await h.advance(10_000)
    expect(stage.take('heartbeat')).toHaveLength(2)
    expect(h.router.load.sessions).toBe(1)
    await h.advance(5000)
    expect(stage.ends).toEqual(['end 4004', 'terminate'])
    expect(h.router.load.sessions).toBe(0)
  })

  test('events and calls to a silent client are no sign of its life', async () => {
    await using h = harness()
    const stage = new JsonStage(h)
    stage.say({ hello: { version: 1 } })
    stage.say({ sn: SN, subscribe: { topic: '**' } })
    const other = await h.client('other')
    for (let n = 0; n < 16; n++) {
      await other.publish('tick', n)
      await h.advance(1000)
    }
    expect(stage.ends).toEqual(['end 4004', 'terminate'])
  })

  test('the router says goodbye when it closes, drain when it is asked to, and what the client asks for it answers', async () => {
    await using h = harness()
    const stage = new JsonStage(h)
    stage.say({ hello: { version: 1, name: 'py' } })
    stage.say({ heartbeat: 'ping' })
    expect(stage.said.at(-1)).toEqual({ heartbeat: 'pong' })
    const other = await h.client('other')
    await other.remote<{ drain(name: string): unknown }>('waybill.Router').drain('py')
    await h.advance(25)
    expect(stage.take('drain')).toEqual([{ drain: {} }])
    h.router.close()
    expect(stage.said.at(-1)).toMatchObject({ goodbye: { code: 'RouterLost' } })
  })
})

describe('what is refused before hello', () => {
  const hellos: readonly (readonly [string, string | Json, string])[] = [
    ['no JSON', 'hello', 'ProtocolViolation'],
    ['no object', '[1]', 'ProtocolViolation'],
    ['another message', { request: {} }, 'ProtocolViolation'],
    ['a version from elsewhere', { hello: { version: 7 } }, 'Incompatible'],
    ['a magic from elsewhere', { hello: { magic: 1, version: 1 } }, 'Incompatible'],
    ['a name that is none', { hello: { name: 'a b', version: 1 } }, 'ProtocolViolation'],
    ['labels that are none', { hello: { labels: { a: 1 } } }, 'ProtocolViolation'],
    ['a wrong token', { hello: { credentials: { token: 'x' } } }, 'Unauthorized'],
    ['no token', { hello: {} }, 'Unauthorized'],
    ['a key twice', '{"hello":{},"h\\u0065llo":{}}', 'ProtocolViolation'],
    ['a prototype', '{"hello":{"__proto__":{}}}', 'ProtocolViolation'],
    ['more than 4 KiB, whatever of it counts', { hello: {}, more: 'x'.repeat(4090) }, 'TooLarge'],
    ['more than 4 KiB', { hello: { features: ['x'.repeat(4050)] } }, 'TooLarge'],
    [
      'a signature nobody can check',
      { message: '{"hello":{}}', signature: { keyId: 'k', algorithm: 'a', created: 1, expires: 2, audience: 'a', value: 'v' } },
      'Unauthorized',
    ],
  ]
  test('each with its code and a sentence, and a close', async () => {
    await using h = await realHarness({ tokens: { me: 'secret' } })
    for (const [what, hello, code] of hellos) {
      const peer = await JsonPeer.dial(h.url)
      peer.say(hello)
      expect([what, await peer.next()]).toEqual([what, { refused: { code, message: expect.stringMatching(/\w{3}/) as string } }])
      expect([what, (await peer.closed).code]).toEqual([what, 4000])
    }
    const flood = await JsonPeer.dial(h.url)
    flood.say('x'.repeat(100_000))
    expect((await flood.closed).code).toBe(1006)
    const page = new WebSocket(h.url, { headers: { origin: 'https://evil.example' } })
    await expect(new Promise((_, reject) => page.on('error', reject))).rejects.toThrow('403')
    expect(h.router.load.sessions).toBe(0)
  })
})

describe('hostile messages', () => {
  test('what is no message ends the session; others go on', async () => {
    await using h = await realHarness()
    const witness = await JsonPeer.open(h.url, 'witness')
    const bad: readonly (string | Buffer)[] = [
      '',
      '{',
      '{"sn":1',
      '[]',
      '{} {}',
      '{"a":1,"a":2}',
      '{"n":0}',
      '{"n":1.5}',
      '{"message":"{","signature":{}}',
      `{"request":${'['.repeat(200)}${']'.repeat(200)}}`,
      Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
    ]
    for (const text of bad) {
      const peer = await JsonPeer.open(h.url)
      peer.socket.send(text, { binary: false })
      expect([String(text), await peer.next()]).toEqual([
        String(text),
        { goodbye: { code: expect.stringMatching(/ProtocolViolation|TooLarge/) as string, message: expect.any(String) as string } },
      ])
      expect((await peer.closed).code).toBe(4001)
    }
    const binary = await JsonPeer.open(h.url)
    binary.socket.send(Buffer.from('{}'), { binary: true })
    expect(await binary.next()).toMatchObject({ goodbye: { code: 'ProtocolViolation' } })
    await binary.closed
    const early = await JsonPeer.dial(h.url)
    early.say({ hello: {} })
    early.socket.send(Buffer.alloc(10), { binary: true })
    await early.closed
    await witness.settled()
    await witness.close()
  })

  test('what is a message and says nonsense is rejected or unsupported, and the session goes on', async () => {
    await using h = await realHarness()
    const peer = await JsonPeer.open(h.url, 'walker')
    const request = { classname: 'Dog', method: 'bark' }
    const wrong: readonly Json[] = [
      { request: 5 },
      { request: { ...request, args: {} } },
      { request: { ...request, kws: [] } },
      { request: { ...request, cntr: {} } },
      { request: { method: 'bark' } },
      { request, status: 'accepted' },
      { request, ttl: 0 },
      { request, replyto: 5 },
      { request, routing: ['a'] },
      { request, durable: 'yes' },
      { request, wait: -1 },
      { request, policy: 'fastest' },
      { request, timestamp: 'yesterday' },
      { status: 'done' },
      { status: 'progress', total: '1', completed: 1 },
      { result: [] },
      { result: { exval: 5 } },
      { result: { exval: '', executed: 'perhaps' } },
      { register: { service: 1, methods: [] } },
      { register: { service: 'A', methods: 'all' } },
      { subscribe: {} },
      { cancel: 'it' },
      { item: {} },
      { item: { stream: 'a1', bytes: '====' } },
      { end: { stream: 0 } },
      { end: { stream: 'r0', exval: 5 } },
      { credit: { stream: 'r0', items: 'all' } },
      { stop: 'it' },
      { hello: {} },
    ]
    for (const message of wrong) {
      peer.say({ sn: SN, ...message })
      expect([message, await peer.next()]).toEqual([
        message,
        expect.objectContaining({
          sn: SN,
          status: 'rejected',
          code: 'ProtocolViolation',
          description: expect.stringContaining('not') as string,
        }),
      ])
    }
    for (const [message, code] of [
      [{ replyto: 'walker', request: { classname: 'waybill.Router', method: '__proto__' } }, 'NoSuchMethod'],
      [{ replyto: 'walker', routing: [null, '?'], request }, 'BadAddress'],
      [{ register: { service: 'waybill.Router', version: '1.0.0', methods: ['info'] } }, expect.any(String)],
      [{ register: { service: 'A', version: 'new', methods: ['a'] } }, expect.any(String)],
      [{ subscribe: { topic: 'a..b' } }, expect.any(String)],
      [{ watch: {} }, 'NoSuchReceipt'],
      [{ replyto: 'walker', data: 'x'.repeat(70_000), request }, 'TooLarge'],
    ] as const) {
      peer.say({ sn: SN, ...message })
      expect([message, await peer.next()]).toEqual([message, expect.objectContaining({ sn: SN, status: 'rejected', code })])
    }
    peer.say({ n: 1, sn: 'seven', cancel: {} })
    expect(await peer.next()).toMatchObject({ re: 1, status: 'rejected', details: { field: 'sn' } })
    peer.say({ constructor: {}, sn: SN })
    expect(await peer.next((said) => said['unsupported'])).toMatchObject({ sn: SN, unsupported: { members: ['constructor', 'sn'] } })
    for (const stale of [{ result: {} }, { status: 'accepted' }, { cancel: {} }, { unsubscribe: {} }]) peer.say({ sn: SN, ...stale })
    await peer.settled()
    expect(peer.rest).toEqual([{ ack: 1 }])
    await peer.close()
  })

  test('a message may be as long as a frame and no longer', async () => {
    await using h = await realHarness({ limits: { maxFrameBytes: 20_000 } })
    const peer = await JsonPeer.open(h.url, 'walker')
    peer.say({ sn: SN, subscribe: { topic: 'a' } })
    await peer.ended(SN)
    peer.say({ publish: { topic: 'a', value: 'x'.repeat(19_000) } })
    expect(await peer.next()).toMatchObject({ event: { topic: 'a' } })
    peer.say({ publish: { topic: 'a', value: 'x'.repeat(20_000) } })
    expect(await peer.next()).toMatchObject({ goodbye: { code: 'TooLarge' } })
    expect((await peer.closed).code).toBe(4001)
  })

  test('what another client wrote cannot pass for what the router says', async () => {
    await using h = harness()
    const stage = new JsonStage(h)
    stage.say({ hello: { version: 1, name: 'py' } })
    stage.say({ sn: SN, register: { service: 'Dog', methods: ['bark'] } })
    await h.advance(25)
    const peer = await HostilePeer.open(h.network.transport(h.world.process('evil')), 'ws://router.test')
    const call = (number: number, more: readonly Uint8Array[], text = '[]'): void => {
      const fields = joinFields([extensionField(Tag.destination, 'Dog'), extensionField(Tag.method, 'bark'), ...more])
      const frame = frameOf({ type: FrameType.call, source: peer.connected.symbol, call: number }, fields)
      const bytes = new TextEncoder().encode(text)
      const whole = new Uint8Array(frame.byteLength + bytes.byteLength)
      whole.set(frame)
      whole.set(bytes, frame.byteLength)
      new DataView(whole.buffer).setUint32(0, whole.byteLength, true)
      whole[28] = 1
      peer.send(whole)
    }
    call(1, [extensionField(Tag.unknown, '{"principal":"root","sn":"x","status":"accepted","free":1}')])
    call(2, [], '[1],"method":"bite","x":[2]')
    call(3, [extensionField(Tag.data, '1,"principal":"root"')])
    call(4, [extensionField(Tag.kws, '{}}')])
    call(5, [], '[{"__proto__":1}]')
    call(6, [extensionField(Tag.unknown, '[')])
    await h.advance(50)
    const [asked, ...others] = stage.take('request')
    expect(others).toEqual([])
    expect(asked).toMatchObject({ principal: 'local', free: 1, request: { classname: 'Dog', method: 'bark', args: [] } })
    expect(asked).not.toHaveProperty('status')
    const rejected = await Promise.all([2, 3, 4, 5, 6].map((number) => peer.next(({ call: of }) => of === number)))
    expect(rejected.map(({ type }) => type)).toEqual(Array.from({ length: 5 }, () => FrameType.rejected))
    stage.door.closed({ reason: '' })
    peer.link.end(1000, '')
    await h.advance(1000)
  })

  test('whatever is done to a message, the door stands, and says nothing that is its own fault', async () => {
    await using h = harness({ router: { limits: { maxDeadlineMs: 900 } } })
    const templates = [
      {
        sn: SN,
        replyto: 'py',
        routing: [null, 'Dog@^1'],
        data: [1],
        ttl: 5,
        wait: 5,
        request: { classname: 'Dog', method: 'bark', args: [], kws: {}, cntr: [[], {}] },
      },
      {
        n: 1,
        ack: 0,
        durable: true,
        orderKey: 'a',
        sticky: 'b',
        policy: 'leastBusy',
        parent: SN,
        request: { classname: 'Dog', method: 'bark' },
      },
      { sn: SN, status: 'progress', total: 1, completed: 1, details: {} },
      { sn: SN, result: { exval: '', xclass: 'E', xstate: {}, xargs: [], code: 'Internal', executed: 'no' } },
      { sn: SN, register: { service: 'Dog', version: '1.0.0', methods: ['bark'], labels: { a: 'b' }, concurrency: 1 } },
      { publish: { topic: 'a', value: 1 }, message: '{}', signature: { keyId: 'a' } },
      { sn: SN, subscribe: { topic: 'a.*' }, cancel: {}, watch: {} },
      {
        sn: SN,
        replyto: 'py',
        request: { classname: 'waybill.Router', method: 'info', args: [{ '\\a.b': [null] }], streams: [[[0, '\\a.b', 0], 'a1', 'bytes']] },
      },
      { sn: SN, item: { stream: 'a1', bytes: 'AP8=' }, end: { stream: 'r0' }, credit: { stream: 'r0', items: 1 } },
    ].map((message) => JSON.stringify(message))
    const pieces = [
      'null',
      '[]',
      '{}',
      '"a"',
      '-1',
      '1e999',
      '"n":9,',
      '}',
      '"sn":',
      'request',
      'waybill.Router',
      '__proto__',
      '\\u0000',
      '"',
    ]
    let sessions = 0
    fc.assert(
      fc.property(
        fc.constantFrom(...templates),
        fc.array(fc.tuple(fc.nat(400), fc.nat(8), fc.constantFrom(...pieces)), { minLength: 1, maxLength: 3 }),
        (template, changes) => {
          const stage = new JsonStage(h)
          stage.say({ hello: { version: 1 } })
          const message = changes.reduce(
            (text, [at, cut, piece]) => text.slice(0, at % text.length) + piece + text.slice((at % text.length) + cut),
            template,
          )
          stage.text(message)
          stage.door.closed({ reason: '' })
          sessions++
          expect([message, stage.faults.filter(({ code }) => code === 'Internal')]).toEqual([message, []])
        },
      ),
      { numRuns: 300 },
    )
    expect(sessions).toBe(300)
    await h.advance(1000)
  })

  test('a callee that answers with broken frames hurts nobody: its caller has an outcome, and its session', async () => {
    await using h = harness()
    const callee = await HostilePeer.open(h.network.transport(h.world.process('evil')), 'ws://router.test', {
      introduction: { name: 'evil' },
    })
    const source = callee.connected.symbol
    const offer = joinFields([extensionField(Tag.destination, 'waybill.Router'), extensionField(Tag.method, 'offer')])
    callee.send(
      frameOf({ type: FrameType.call, source, call: 1 }, offer, body([[{ service: 'Dog', version: '1.0.0', methods: ['bark'] }]])),
    )
    await h.until(callee.next(({ type }) => type === FrameType.result))
    const stage = new JsonStage(h)
    stage.say({ hello: { version: 1, name: 'walker' } })
    const breaks = [
      Uint8Array.of(4, 0, 255, 255, 1),
      extensionField(Tag.data, '}{'),
      extensionField(Tag.unknown, '{"sn":1,"x"'),
      extensionField(Tag.sn, 'short'),
    ]
    for (const extension of breaks) {
      for (const type of [FrameType.result, FrameType.exception, FrameType.rejected]) {
        const sn = crypto.randomUUID()
        stage.said.length = 0
        stage.say({ sn, replyto: 'walker', statuses: false, request: { classname: 'Dog', method: 'bark' } })
        const call = await h.until(callee.next((frame) => frame.type === FrameType.call))
        callee.send(
          frameOf(
            { type, destination: call.source, source, call: call.call },
            extension,
            body({ exval: 'x', code: 'Rejected', description: 'y' }),
          ),
        )
        await h.advance(25)
        expect(stage.said).toEqual([expect.objectContaining({ sn })])
      }
    }
    // The pieces of one answer, each with something broken beside it.
    stage.said.length = 0
    stage.say({ sn: SN, replyto: 'walker', statuses: false, request: { classname: 'Dog', method: 'bark' } })
    const call = await h.until(callee.next((frame) => frame.type === FrameType.call))
    const head = { destination: call.source, source, call: call.call }
    const piece = (type: number, flags: number, value: number): void =>
      callee.send(frameOf({ ...head, type, flags }, breaks[3], body(value)))
    piece(FrameType.result, Flag.more, 1)
    piece(FrameType.answerChunk, Flag.more, 2)
    piece(FrameType.answerChunk, 0, 3)
    await h.advance(25)
    expect(stage.said).toEqual([expect.objectContaining({ sn: SN, result: { retval: 123 } })])
    stage.door.closed({ reason: '' })
    callee.link.end(1000, '')
    await h.advance(1000)
  })
})
