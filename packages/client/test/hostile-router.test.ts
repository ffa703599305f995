/** A client whose router is broken or hostile: it begins anew or gives up with an error, and its process goes on. */
import { Exchange, extensionField, FrameType, joinFields, prepareBody, Slab, Tag, writeFrame, writeOpening } from '@waybill/core'
import type { Connected, FrameHead, Link, LinkEvents, PreparedBody, Transport } from '@waybill/core'
import { Seeded, World } from '@waybill/testkit'
import { describe, expect, it } from 'vitest'
import { connect, service, type Client } from '../src/index.js'

const slab = new Slab()
const SYMBOL = 0x100001

/** A router that says what the test tells it to. */
class FakeRouter implements Transport {
  opened = 0
  ended = 0
  exchange = new Exchange()
  welcome: (connected: Connected) => Uint8Array = (connected) => writeOpening(connected)
  #events: LinkEvents | undefined
  #isWelcomed = false

  constructor(readonly world: World) {}

  open(_url: string, events: LinkEvents): Promise<Link> {
    this.opened++
    this.#events = events
    this.#isWelcomed = false
    this.exchange = new Exchange()
    const end = (): void => {
      this.ended++
      this.world.after(0, () => events.ended({ reason: '' }))
    }
    return Promise.resolve({
      bufferedBytes: 0,
      pause: () => {},
      resume: () => {},
      end,
      terminate: end,
      send: (packet: Uint8Array) => this.#sent(packet),
    })
  }

  #sent(packet: Uint8Array): void {
    if (this.#isWelcomed) return void this.exchange.arrive(packet)
    this.#isWelcomed = true
    const limits = {
      windowBytes: 2 ** 20,
      maxFrameBytes: 2 ** 20,
      maxBodyBytes: 2 ** 23,
      heartbeatMs: 1e6,
      heartbeatGraceMs: 1e6,
      resumeGraceMs: 750,
    }
    const connected = {
      router: { name: 'fake', epoch: this.opened },
      session: 's',
      token: 't',
      resumed: false,
      received: 0,
      name: 'client',
      principal: 'local',
      symbol: SYMBOL,
      limits,
      features: [],
    }
    const events = this.#events!
    this.world.after(0, () => events.packet(this.welcome(connected)))
  }

  /** Sends these bytes as the frames of the next packet. */
  say(frames: Uint8Array): void {
    const packet = new Uint8Array(8 + frames.byteLength)
    packet.set(frames, 8)
    this.#events!.packet(this.exchange.seal(packet))
  }

  raw(packet: Uint8Array): void {
    this.#events!.packet(packet)
  }
}

function frameOf(head: FrameHead, extension?: Uint8Array, body?: PreparedBody): Uint8Array {
  const start = writeFrame(slab, head, extension, body)
  return slab.bytes.slice(start, slab.at)
}

async function stage(): Promise<{ world: World; router: FakeRouter; client: Client }> {
  const world = new World({ flows: true })
  const router = new FakeRouter(world)
  const client = await connect('ws://fake', { ports: world.process('client'), transport: router, onIncident: () => {} })
  return { world, router, client }
}

describe('a welcome that is none', () => {
  const welcomes: readonly (readonly [string, (connected: Connected) => Uint8Array, string])[] = [
    ['nothing', () => new Uint8Array(0), 'RouterUnreachable|Incompatible'],
    ['another version', (connected) => writeOpening(connected, 9), 'Incompatible'],
    ['no limits', (connected) => writeOpening({ ...connected, limits: undefined } as never), 'ProtocolViolation'],
    ['a symbol of 33 bits', (connected) => writeOpening({ ...connected, symbol: 2 ** 32 }), 'ProtocolViolation'],
    ['a refusal without a word', () => writeOpening({ refused: {} } as never), 'ProtocolViolation'],
    ['a refusal of no code', () => writeOpening({ refused: { code: '__proto__', message: 'x' } } as never), 'Internal'],
    ['a refusal', () => writeOpening({ refused: { code: 'Forbidden', message: 'no' } }), 'Forbidden'],
  ]
  it.each(welcomes)('%s', async (_what, welcome, code) => {
    const world = new World({ flows: true })
    const router = new FakeRouter(world)
    router.welcome = welcome
    const failed = connect('ws://fake', { ports: world.process('client'), transport: router, timeout: 1000 }).then(
      () => expect.unreachable(),
      (error: unknown) => error,
    )
    expect(await world.until(failed)).toMatchObject({ code: expect.stringMatching(code) as string, executed: 'no' })
    await world.advance(60_000)
    expect([...world.processes].map(({ timers }) => timers)).toEqual([0])
  })
})

describe('frames that mean nothing', () => {
  const ignored: readonly (readonly [string, Uint8Array])[] = [
    ['a result of no call', frameOf({ type: FrameType.result, destination: SYMBOL, call: 77 }, undefined, prepareBody('x'))],
    ['a result for somebody else', frameOf({ type: FrameType.result, destination: 5, call: 1 }, undefined, prepareBody('x'))],
    ['a piece of no answer', frameOf({ type: FrameType.answerChunk, destination: SYMBOL, call: 1 }, undefined, prepareBody('x'))],
    ['a call of nothing', frameOf({ type: FrameType.call, source: 9, destination: 12345, call: 1 }, undefined, prepareBody([]))],
    ['a piece of no call', frameOf({ type: FrameType.callChunk, source: 9, call: 1 }, undefined, prepareBody([]))],
    ['a cancel of no call', frameOf({ type: FrameType.cancel, source: 9, call: 1 })],
    ['a name that was not asked for', frameOf({ type: FrameType.symbol, destination: 7 }, extensionField(Tag.destination, 'Other'))],
    ['a caller that is gone', frameOf({ type: FrameType.symbol, source: 7 })],
    ['an unknown type', frameOf({ type: 0x7f })],
    ['unsupported', frameOf({ type: FrameType.unsupported, call: 1 }, undefined, prepareBody({ type: 1 }))],
  ]
  it.each(ignored)('%s is ignored', async (_what, frame) => {
    const { world, router, client } = await stage()
    const call = client.remote<{ x(): Promise<string> }>('Some').x()
    await world.advance(0)
    router.say(frame)
    router.say(
      frameOf(
        { type: FrameType.result, destination: SYMBOL, call: Number.parseInt(call.sn.slice(-8), 16) },
        undefined,
        prepareBody('right'),
      ),
    )
    expect(await call).toBe('right')
    expect(router.opened).toBe(1)
    await client.close({ drainMs: 0 })
  })

  const broken: readonly (readonly [string, (router: FakeRouter) => void])[] = [
    ['a packet gap', (router) => (router.exchange.seal(new Uint8Array(8)), router.say(new Uint8Array(0)))],
    ['a packet that is too short', (router) => router.raw(new Uint8Array(3))],
    ['an acknowledgement of what was never sent', (router) => router.raw(Uint8Array.from([0, 0, 0, 0, 99, 0, 0, 0]))],
    ['a frame that is cut off', (router) => router.say(frameOf({ type: FrameType.ping }).subarray(0, 20))],
    ['a goodbye without a reason', (router) => router.say(frameOf({ type: FrameType.goodbye }))],
    [
      'a goodbye with another',
      (router) => router.say(frameOf({ type: FrameType.goodbye }, undefined, prepareBody({ code: 5, message: [] }))),
    ],
    [
      'a caller that is not JSON',
      (router) => router.say(frameOf({ type: FrameType.symbol, source: 7 }, extensionField(Tag.principal, '['))),
    ],
  ]
  it.each(broken)('%s: a new session begins', async (_what, attack) => {
    const { world, router, client } = await stage()
    const call = client
      .remote<{ x(): void }>('Some')
      .x()
      .then(undefined, (error: unknown) => error)
    await world.advance(0)
    attack(router)
    expect(await world.until(call)).toMatchObject({ code: 'RouterLost', executed: 'maybe' })
    await world.advance(20_000)
    expect(router.opened).toBe(2)
    expect(client.isConnected).toBe(true)
    await client.close({ drainMs: 0 })
  })
})

it('random packets: nothing is thrown that nobody catches', async () => {
  const { world, router, client } = await stage()
  const dice = new Seeded(5)
  const heard: string[] = []
  client.onStatus(({ kind }) => heard.push(kind))
  const exposing = client.expose(service<{ x(): string }>('Mine@1.0.0', { x: {} }), { x: () => 'x' })
  await world.advance(0)
  router.say(frameOf({ type: FrameType.result, destination: SYMBOL, call: 1 }, undefined, prepareBody([{ symbol: 4242, methods: [99] }])))
  await exposing
  for (let n = 0; n < 400; n++) {
    void client
      .remote<{ x(): void }>('Some')
      .x()
      .catch(() => {})
    await world.advance(0)
    const good = frameOf(
      {
        type: dice.pick(Object.values(FrameType)),
        source: dice.pick([9, SYMBOL]),
        destination: dice.pick([4242, SYMBOL]),
        call: n,
        method: 99,
      },
      joinFields([extensionField(Tag.data, '{"a":1}')]),
      prepareBody(dice.pick<unknown>([[], ['x'], { total: 1, completed: 1 }, { code: 'X', description: 'd' }, { exval: 'm' }, null])),
    )
    for (let flips = dice.whole(0, 2); flips > 0; flips--) good[dice.whole(0, good.byteLength - 1)]! ^= 1 << dice.whole(0, 7)
    router.say(good)
    await world.advance(dice.chance(0.1) ? 20_000 : 0)
    if (!client.isConnected) await world.advance(20_000)
    // A goodbye that says so ends it for good.
    if (heard.includes('closed')) break
  }
  await client.close({ drainMs: 0 })
  await world.advance(60_000)
  expect(client.pending).toEqual({ outgoing: 0, incoming: 0 })
  expect(heard.length).toBeGreaterThan(10)
})
