/**
 * Peers that break the protocol: each gets a clear error or loses its link, and nobody else notices. Two innocent clients call each other all the
 * while, and every one of their calls must succeed.
 */
import { service, type Client } from '@waybill/client'
import { extensionField, Flag, FrameType, HEADER_BYTES, joinFields, Tag, writeOpening } from '@waybill/core'
import { harness, realHarness, ROUTER_URL, Seeded, type Harness } from '@waybill/testkit'
import { connect as dial } from 'node:net'
import { describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { body, frameOf, HostilePeer, packetOf, type Seen } from './hostile-peer.js'

interface Work {
  add(left: number, right: number): number
  wait(): Promise<string>
}
const work = service<Work>('Work@1.0.0', { add: {}, wait: {} })

interface Stage {
  readonly h: Harness
  readonly worker: Client
  /** What the innocent have done so far; throws where any of it failed. */
  innocent(): Promise<void>
  peer(name?: string): Promise<HostilePeer>
}

async function stage(): Promise<Stage> {
  const h = harness()
  const worker = await h.client('worker')
  await worker.expose(work, {
    add: (left, right) => left + right,
    wait: () =>
      h
        .processOf(worker)
        .sleep(500)
        .then(() => 'waited'),
  })
  const caller = await h.client('caller')
  const { add, wait } = caller.remote(work)
  // One that is in the middle of it whatever happens, and has been answered at the end.
  const long = wait()
  long.catch(() => {})
  let n = 0
  return {
    h,
    worker,
    innocent: async () => {
      for (let round = 0; round < 3; round++) expect(await add(n, 1)).toBe(++n)
      if (h.world.nowMs < 1000) await h.advance(1000)
      expect(await long).toBe('waited')
      expect([worker.isConnected, caller.isConnected]).toEqual([true, true])
    },
    peer: (name = 'mallory') => HostilePeer.open(h.network.transport(h.world.process(name)), ROUTER_URL, { introduction: { name } }),
  }
}

function names(address: string, method: string): Uint8Array {
  return joinFields([extensionField(Tag.destination, address), extensionField(Tag.method, method)])
}

function bytesOf(...bytes: number[]): Uint8Array {
  return Uint8Array.from(bytes)
}

function patched(frame: Uint8Array, at: number, ...bytes: number[]): Uint8Array {
  const copy = frame.slice()
  copy.set(bytes, at)
  return copy
}

describe('before the session', () => {
  const opening = writeOpening({ incarnation: 'beef'.repeat(5) })
  const openings: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ['nothing', bytesOf(), /Incompatible/],
    ['one byte', bytesOf(1), /Incompatible/],
    ['another magic', patched(opening, 0, 0xff), /Incompatible/],
    ['another version', patched(opening, 7, 9), /Incompatible/],
    ['no JSON', patched(opening, 8, 0x5b), /ProtocolViolation/],
    ['bad UTF-8', patched(opening, 12, 0xff), /ProtocolViolation/],
    ['cut off', opening.subarray(0, 20), /ProtocolViolation/],
    ['a list', new Uint8Array([...opening.subarray(0, 8), 0x5b, 0x5d]), /ProtocolViolation/],
    ['no incarnation', writeOpening({} as never), /ProtocolViolation/],
    ['a bad incarnation', writeOpening({ incarnation: 'xyz' }), /ProtocolViolation/],
    ['a bad name', writeOpening({ incarnation: 'beef'.repeat(5), name: 'a b' }), /ProtocolViolation/],
    ['deep nesting', new Uint8Array([...opening.subarray(0, 8), ...new TextEncoder().encode('['.repeat(4000))]), /ProtocolViolation/],
    ['bad labels', writeOpening({ incarnation: 'beef'.repeat(5), labels: { a: 1 } as never }), /ProtocolViolation/],
    ['bad features', writeOpening({ incarnation: 'beef'.repeat(5), features: 'all' as never }), /ProtocolViolation/],
    [
      'a bad resume',
      writeOpening({ incarnation: 'beef'.repeat(5), resume: { session: 1, token: 'x', received: 0 } as never }),
      /ProtocolViolation/,
    ],
    [
      'a negative resume',
      writeOpening({ incarnation: 'beef'.repeat(5), resume: { session: 'x', token: 'x', received: -1 } }),
      /ProtocolViolation/,
    ],
  ]
  test.each(openings)('%s', async (_what, message, code) => {
    const { h, innocent } = await stage()
    await using _ = h
    const mallory = await HostilePeer.link(h.network.transport(h.world.process('mallory')), ROUTER_URL)
    mallory.link.send(message)
    const answer = new TextDecoder().decode((await mallory.welcome).subarray(8))
    expect(JSON.parse(answer)).toMatchObject({ refused: { code: expect.stringMatching(code) as string } })
    expect(answer).not.toMatch(/ at |\.ts|undefined|Internal/)
    expect(await mallory.ended).toMatchObject({ code: 4000 })
    await innocent()
  })

  test('a thousand random openings', async () => {
    const { h, innocent } = await stage()
    await using _ = h
    const dice = new Seeded(7)
    const transport = h.network.transport(h.world.process('mallory'))
    for (let n = 0; n < 300; n++) {
      const mallory = await HostilePeer.link(transport, ROUTER_URL)
      const message =
        n % 2 === 0
          ? dice.fill(new Uint8Array(dice.whole(0, 200)))
          : patched(opening, dice.whole(0, opening.byteLength - 1), dice.whole(0, 255))
      mallory.link.send(message)
      if ((await mallory.welcome).byteLength === 0) throw new Error('no answer')
      mallory.link.terminate()
    }
    await innocent()
  })
})

describe('in a session', () => {
  type Attack = (mallory: HostilePeer) => void
  const call = (mallory: HostilePeer): Uint8Array =>
    frameOf({ type: FrameType.call, source: mallory.connected.symbol, call: 1 }, names('Work', 'add'), body([1, 2]))
  const violations: readonly (readonly [string, Attack])[] = [
    ['a packet without room for its numbers', (it) => it.link.send(bytesOf(1, 2, 3))],
    ['a packet gap', (it) => (it.exchange.seal(packetOf()), it.send(call(it)))],
    ['an acknowledgement of what was never sent', (it) => it.link.send(bytesOf(0, 0, 0, 0, 0xff, 0, 0, 0))],
    ['a frame that is cut off', (it) => it.send(call(it).subarray(0, 40))],
    ['a header that is cut off', (it) => it.send(call(it).subarray(0, 10))],
    ['a frame longer than its packet', (it) => it.send(patched(call(it), 0, 0xff, 0xff))],
    ['a frame shorter than its header', (it) => it.send(patched(call(it), 0, 8, 0))],
    ['a length of zero', (it) => it.send(patched(call(it), 0, 0, 0, 0, 0))],
    ['an extension longer than its frame', (it) => it.send(patched(call(it), 6, 0xff, 0xff))],
    ['an extension field longer than the extension', (it) => it.send(patched(call(it), HEADER_BYTES + 2, 0xff, 0xff))],
    ['an extension field that is cut off', (it) => it.send(patched(call(it), 6, 3, 0))],
    [
      'a field that stands twice',
      (it) =>
        it.send(
          frameOf({ type: FrameType.call, source: it.connected.symbol, call: 1 }, joinFields([names('Work', 'add'), names('Work', 'add')])),
        ),
    ],
    [
      'a name that is not UTF-8',
      (it) =>
        it.send(
          frameOf(
            { type: FrameType.call, source: it.connected.symbol, call: 1 },
            joinFields([extensionField(Tag.destination, bytesOf(0xff, 0xfe)), extensionField(Tag.method, 'add')]),
          ),
        ),
    ],
    ['a call number that is pending', (it) => it.send(waiting(it, 1), waiting(it, 1))],
    ['a router’s frame', (it) => it.send(frameOf({ type: FrameType.symbol, source: 1 }))],
    ['a heartbeat in a numbered packet', (it) => it.send(frameOf({ type: FrameType.ping }))],
    ['a call in a packet without a number', (it) => it.link.send(it.exchange.sealUnnumbered(packetOf(call(it))))],
  ]
  const waiting = (mallory: HostilePeer, number: number): Uint8Array =>
    frameOf({ type: FrameType.call, source: mallory.connected.symbol, call: number }, names('Work', 'wait'), body([]))

  test.each(violations)('%s ends it, and says why', async (_what, attack) => {
    const { h, peer, innocent } = await stage()
    await using _ = h
    const mallory = await peer()
    attack(mallory)
    const goodbye = await mallory.next(({ type }) => type === FrameType.goodbye)
    expect(goodbye.value).toMatchObject({ code: expect.stringMatching(/^(?:ProtocolViolation|TooLarge)$/) as string })
    expect((goodbye.value as { message: string }).message).not.toMatch(/ at |\.ts|undefined/)
    expect(await mallory.ended).toMatchObject({ code: 4001 })
    expect(h.router.load.sessions).toBe(2)
    await innocent()
  })

  const errors: readonly (readonly [string, (it: HostilePeer) => Uint8Array, string | undefined])[] = [
    [
      'a forged source',
      (it) => frameOf({ type: FrameType.call, source: it.connected.symbol ^ 1, call: 9 }, names('Work', 'add')),
      'Forbidden',
    ],
    [
      'a symbol never minted',
      (it) => frameOf({ type: FrameType.call, source: it.connected.symbol, call: 9, destination: 0x12345678, method: 0x87654321 }),
      'StaleSymbol',
    ],
    [
      'a method symbol never minted',
      (it) =>
        frameOf(
          { type: FrameType.call, source: it.connected.symbol, call: 9, method: 0x87654321 },
          extensionField(Tag.destination, 'Work'),
        ),
      'StaleSymbol',
    ],
    [
      'a client’s symbol as an address',
      (it) =>
        frameOf(
          { type: FrameType.call, source: it.connected.symbol, call: 9, destination: it.connected.symbol },
          extensionField(Tag.method, 'add'),
        ),
      'StaleSymbol',
    ],
    [
      'no method',
      (it) => frameOf({ type: FrameType.call, source: it.connected.symbol, call: 9 }, extensionField(Tag.destination, 'Work')),
      'NoSuchMethod',
    ],
    ['no address', (it) => frameOf({ type: FrameType.call, source: it.connected.symbol, call: 9 }), 'NoSuchMethod'],
    [
      'a malformed address',
      (it) => frameOf({ type: FrameType.call, source: it.connected.symbol, call: 9 }, names('a b?c', 'add')),
      'BadAddress',
    ],
    [
      'flags of what is not there',
      (it) =>
        frameOf({ type: FrameType.call, source: it.connected.symbol, call: 9, flags: Flag.sealed | Flag.references }, names('Work', 'add')),
      'Unsupported',
    ],
    [
      'arguments that are no list',
      (it) => frameOf({ type: FrameType.call, source: it.connected.symbol, call: 9 }, names('Work', 'add'), body({ a: 1 })),
      'BadArguments',
    ],
    [
      'an unknown encoding',
      (it) => patched(frameOf({ type: FrameType.call, source: it.connected.symbol, call: 9 }, names('Work', 'add'), body([1, 2])), 28, 99),
      'ProtocolViolation',
    ],
    [
      'a body that is no JSON',
      (it) => frameOf({ type: FrameType.call, source: it.connected.symbol, call: 9 }, names('Work', 'add'), body([1, 2])).fill(0x5b, -2),
      'ProtocolViolation',
    ],
    [
      'data that is no JSON',
      (it) =>
        frameOf(
          { type: FrameType.call, source: it.connected.symbol, call: 9 },
          joinFields([names('Work', 'add'), extensionField(Tag.data, '{')]),
          body([1, 2]),
        ),
      'ProtocolViolation',
    ],
    [
      'data that is not UTF-8',
      (it) =>
        frameOf(
          { type: FrameType.call, source: it.connected.symbol, call: 9 },
          joinFields([names('Work', 'add'), extensionField(Tag.data, bytesOf(0x22, 0xff, 0x22))]),
          body([1, 2]),
        ),
      'ProtocolViolation',
    ],
    [
      'garbage for the router',
      (it) =>
        frameOf({ type: FrameType.call, source: it.connected.symbol, call: 9 }, names('waybill.Router', 'offer'), body([[{ service: 5 }]])),
      'BadArguments',
    ],
  ]
  test.each(errors)('%s is answered, and the session goes on', async (_what, frame, code) => {
    const { h, peer, innocent } = await stage()
    await using _ = h
    const mallory = await peer()
    mallory.send(frame(mallory))
    const answer: Seen = await mallory.next((seen) => seen.call === 9)
    expect(answer.type).toBe(FrameType.rejected)
    expect(answer.value).toMatchObject({ code })
    mallory.send(call(mallory))
    expect((await mallory.next((seen) => seen.call === 1 && seen.type === FrameType.result)).value).toBe(3)
    await innocent()
  })

  const ignored: readonly (readonly [string, (it: HostilePeer, victim: number) => Uint8Array])[] = [
    [
      'an answer for a call that one does not have',
      (it, victim) =>
        frameOf({ type: FrameType.result, source: it.connected.symbol, destination: victim, call: 1 }, undefined, body('forged')),
    ],
    [
      'an exception for it',
      (it, victim) =>
        frameOf(
          { type: FrameType.exception, source: it.connected.symbol, destination: victim, call: 1 },
          undefined,
          body({ exval: 'forged' }),
        ),
    ],
    [
      'a refusal of it',
      (it, victim) =>
        frameOf(
          { type: FrameType.rejected, source: it.connected.symbol, destination: victim, call: 1 },
          undefined,
          body({ code: 'Rejected', description: 'forged' }),
        ),
    ],
    [
      'a progress of it',
      (it, victim) =>
        frameOf(
          { type: FrameType.progress, source: it.connected.symbol, destination: victim, call: 1 },
          undefined,
          body({ total: 1, completed: 1 }),
        ),
    ],
    [
      'a piece of its answer',
      (it, victim) =>
        frameOf({ type: FrameType.answerChunk, source: it.connected.symbol, destination: victim, call: 1 }, undefined, body('forged')),
    ],
    ['a cancel of it', (_it, victim) => frameOf({ type: FrameType.cancel, source: victim, call: 1 })],
    ['a piece of its body', (_it, victim) => frameOf({ type: FrameType.callChunk, source: victim, call: 1 }, undefined, body('forged'))],
    ['a cancel of nothing', (it) => frameOf({ type: FrameType.cancel, source: it.connected.symbol, call: 77 })],
    ['a piece of nothing', (it) => frameOf({ type: FrameType.callChunk, source: it.connected.symbol, call: 77 }, undefined, body('x'))],
    [
      'an answer to nobody',
      (it) => frameOf({ type: FrameType.result, source: it.connected.symbol, destination: 0xfffff, call: 1 }, undefined, body('x')),
    ],
  ]
  test.each(ignored)('%s changes nothing', async (_what, frame) => {
    const { h, peer, innocent } = await stage()
    await using _ = h
    const victim = await peer('victim')
    victim.send(waiting(victim, 1))
    const mallory = await peer()
    await h.advance(10)
    mallory.send(frame(mallory, victim.connected.symbol))
    await h.advance(10)
    mallory.send(call(mallory))
    expect((await mallory.next((seen) => seen.call === 1 && seen.type === FrameType.result)).value).toBe(3)
    await h.advance(1000)
    const told = victim.frames.filter((seen) => seen.call === 1).map(({ type, value }) => [type, value])
    expect(told).toEqual([[FrameType.result, 'waited']])
    await innocent()
  })

  test('a callee that answers twice, late, or with garbage', async () => {
    const { h, peer, innocent } = await stage()
    await using _ = h
    const mallory = await peer()
    const { symbol } = mallory.connected
    mallory.send(
      frameOf(
        { type: FrameType.call, source: symbol, call: 1 },
        names('waybill.Router', 'offer'),
        body([[{ service: 'Evil', version: '1.0.0', methods: ['any'] }]]),
      ),
    )
    await mallory.next((seen) => seen.call === 1 && seen.type === FrameType.result)
    const caller = await h.client('victim')
    const { any } = caller.remote<{ any(): unknown }>('Evil', { timeout: 1000 })
    const serve = async (...answers: { type: number; content?: unknown; flags?: number }[]): Promise<unknown> => {
      const outcome = any().then(undefined, (error: unknown) => error)
      const { source, call } = await mallory.next(({ type }) => type === FrameType.call)
      for (const { type, content, flags } of answers)
        mallory.send(frameOf({ type, flags: flags ?? 0, destination: source, source: symbol, call }, undefined, body(content)))
      return await h.until(outcome)
    }
    const { result, exception, rejected, accepted, started, progress, answerChunk } = FrameType
    expect(await serve({ type: result, content: 1 }, { type: result, content: 2 }, { type: exception, content: { exval: 'x' } })).toBe(1)
    expect(
      await serve({ type: started }, { type: accepted }, { type: rejected, content: { code: 'X' } }, { type: result, content: 3 }),
    ).toBe(3)
    expect(
      await serve(
        { type: progress, content: 'text' },
        { type: progress, content: [] },
        { type: progress, content: null },
        { type: result, content: 4 },
      ),
    ).toBe(4)
    for (const content of [undefined, null, 5, 'x', [], { exval: 5, xclass: {}, xstate: 7, incident: [] }]) {
      expect(await serve({ type: exception, content })).toMatchObject({ code: 'RemoteException', executed: 'yes' })
      expect(await serve({ type: rejected, content })).toMatchObject({ code: 'Rejected', executed: 'no' })
    }
    expect(await serve({ type: exception, content: { exval: 'm', code: '__proto__' } })).toMatchObject({ code: 'RemoteException' })
    expect(
      await serve(
        { type: rejected, content: { code: 'Overloaded', description: '', details: { retryAfterMs: -5 } } },
        { type: result, content: 9 },
      ),
    ).toBeDefined()
    expect(await serve({ type: answerChunk, content: 'x' }, { type: result, content: 5 })).toBeDefined()
    // The first piece of an answer that never goes on.
    expect(await serve({ type: result, content: 'x', flags: Flag.more })).toMatchObject({ code: 'IdleTimeout' })
    expect(caller.isConnected).toBe(true)
    await innocent()
  })

  test('a caller that uses a number again while its call is being cancelled', async () => {
    const { h, peer, worker, innocent } = await stage()
    await using _ = h
    const mallory = await peer()
    const source = mallory.connected.symbol
    for (let round = 0; round < 20; round++) {
      mallory.send(waiting(mallory, 5), frameOf({ type: FrameType.cancel, source, call: 5 }))
      await h.advance(260)
    }
    await h.advance(1000)
    expect(worker.pending.incoming).toBe(0)
    const refused = mallory.frames.filter(({ type }) => type === FrameType.rejected)
    expect(refused.length).toBeGreaterThan(0)
    expect(refused[0]!.value).toMatchObject({ code: 'ProtocolViolation', description: expect.stringContaining('5') as string })
    await innocent()
  })
})

describe('random bytes', () => {
  test('in packets', async () => {
    const { h, peer, innocent } = await stage()
    await using _ = h
    const dice = new Seeded(11)
    let ended = 0
    for (let n = 0; n < 150; n++) {
      const mallory = await peer(`mallory${n}`)
      const good = [
        frameOf(
          { type: FrameType.call, source: mallory.connected.symbol, call: 1, ttlMs: 1000 },
          names('Work', 'add'),
          body([1, { a: 'x' }]),
        ),
        frameOf({ type: FrameType.cancel, source: mallory.connected.symbol, call: 1 }),
      ]
      for (let round = 0; round < 5; round++) {
        const bytes = dice.chance(0.3)
          ? dice.fill(new Uint8Array(dice.whole(0, 300)))
          : packetOf(...good)
              .subarray(8)
              .slice()
        for (let flips = dice.whole(1, 4); flips > 0 && bytes.byteLength > 0; flips--)
          bytes[dice.whole(0, bytes.byteLength - 1)]! ^= 1 << dice.whole(0, 7)
        mallory.send(bytes)
      }
      void mallory.ended.then(() => ended++)
      await h.advance(0)
      if (n % 10 === 0) await innocent()
      mallory.link.terminate()
    }
    await h.advance(2000)
    expect(h.router.load).toMatchObject({ sessions: 2, pendingCalls: 0, heldCalls: 0 })
    await innocent()
  })
})

describe('over real sockets', () => {
  test('text, random bytes, too much: the link ends, and nobody else notices', async () => {
    await using h = await realHarness()
    const worker = await h.client('worker')
    await worker.expose(work, { add: (left, right) => left + right, wait: () => Promise.resolve('') })
    const caller = await h.client('caller')
    let done = false
    let calls = 0
    const innocent = (async () => {
      while (!done) expect(await caller.remote(work).add(calls, 1)).toBe(++calls)
    })()
    const dice = new Seeded(3)
    const opening = writeOpening({ incarnation: 'beef'.repeat(5) })
    const visit = (attack: (socket: WebSocket) => void): Promise<number> =>
      new Promise((resolve) => {
        const socket = new WebSocket(h.url)
        socket.on('open', () => attack(socket))
        socket.on('error', () => {})
        socket.on('close', resolve)
      })
    const before = process.memoryUsage().rss
    const endings = await Promise.all([
      visit((socket) => socket.send('{"sn":1}')),
      visit((socket) => (socket.send(opening), socket.once('message', () => socket.send('text')))),
      visit((socket) => socket.send(dice.fill(new Uint8Array(500)))),
      visit((socket) => (socket.send(opening), socket.once('message', () => socket.send(Buffer.alloc(100 * 1024 * 1024))))),
      visit((socket) => (socket.send(opening), socket.once('message', () => socket.send(dice.fill(new Uint8Array(1000)))))),
    ])
    expect(endings[0]).toBe(4000)
    expect(endings[1]).toBe(1003)
    expect(endings.slice(2).every((code) => code !== 1000 && code !== 1005)).toBe(true)
    await Promise.all(
      Array.from(
        { length: 20 },
        () =>
          new Promise<void>((resolve) => {
            const socket = dial({ host: '127.0.0.1', port: h.router.port! }, () =>
              socket.end(dice.fill(new Uint8Array(dice.whole(1, 2000)))),
            )
            socket.on('error', () => {})
            socket.resume()
            socket.on('close', () => resolve())
          }),
      ),
    )
    done = true
    await innocent
    expect(calls).toBeGreaterThan(5)
    // The 100 MiB are ours; the router took none of them.
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * 1024 * 1024)
  })
})
