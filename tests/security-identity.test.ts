/** Who somebody is: senders, names and sessions cannot be forged or taken. Titles begin with the row in docs/rows.md. */
import { currentCall, service, type Client } from '@waybill/client'
import { extensionField, FrameType, joinFields, readConnected, Tag, WaybillError, writeOpening, type Introduction } from '@waybill/core'
import { harness, ROUTER_URL, type Harness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'
import { body, frameOf, HostilePeer, type PeerOptions } from './hostile-peer.js'

interface Who {
  am(): { client: string; principal: string }
}
const who = service<Who>('Who@1.0.0', { am: {} })
const work: Who = {
  am: () => {
    const { client, principal } = currentCall().caller
    return { client, principal }
  },
}

const tokens = { alice: 'token-of-alice', bob: 'token-of-bob' }
const as = (principal: keyof typeof tokens) => ({ credentials: { token: tokens[principal] } })

function peer(h: Harness, options?: PeerOptions): Promise<HostilePeer> {
  return HostilePeer.open(h.network.transport(h.world.process('mallory')), ROUTER_URL, options)
}

function callFields(address: string, method: string, ...more: readonly Uint8Array[]): Uint8Array {
  return joinFields([extensionField(Tag.destination, address), extensionField(Tag.method, method), ...more])
}

async function refused(promise: Promise<unknown>): Promise<WaybillError> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(WaybillError)
  return error as WaybillError
}

describe('row 13: the sender is who the router says', () => {
  test('row 13: a forged source is refused', async () => {
    await using h = harness()
    const worker = await h.client('worker')
    await worker.expose(who, work)
    const victim = await h.client('victim')
    await victim.remote(who).am()
    const mallory = await peer(h, { introduction: { name: 'mallory' } })
    for (const source of [0, mallory.connected.symbol + 1, mallory.connected.symbol - 1, 0xffffffff]) {
      mallory.send(frameOf({ type: FrameType.call, source, call: 9 }, callFields('Who', 'am')))
      const answer = await mallory.next(({ call }) => call === 9)
      expect(answer.type).toBe(FrameType.rejected)
      expect(answer.value).toMatchObject({ code: 'Forbidden' })
    }
  })

  test('row 13: what a client writes about its own identity is ignored', async () => {
    await using h = harness({ router: { tokens } })
    const worker = await h.client('worker', { token: tokens.alice })
    await worker.expose(who, work)
    const mallory = await peer(h, { introduction: { name: 'mallory', ...as('bob') } })
    const lies = [
      extensionField(Tag.sender, 'worker'),
      extensionField(Tag.principal, JSON.stringify(['worker', 'alice', '0'.repeat(20)])),
      extensionField(Tag.replyto, 'worker'),
    ]
    const { symbol: source } = mallory.connected
    mallory.send(frameOf({ type: FrameType.call, source, call: 1 }, callFields('Who', 'am', ...lies), body([])))
    const answer = await mallory.next(({ call }) => call === 1)
    expect(answer.value).toEqual({ client: 'mallory', principal: 'bob' })
  })

  test('row 13: a client cannot teach anybody what symbols mean', async () => {
    await using h = harness()
    const mallory = await peer(h)
    const lie = extensionField(Tag.principal, JSON.stringify(['admin', 'admin', '0'.repeat(20)]))
    mallory.send(frameOf({ type: FrameType.symbol, source: 1 }, lie))
    expect((await mallory.next(({ type }) => type === FrameType.goodbye)).value).toMatchObject({ code: 'ProtocolViolation' })
    await mallory.ended
  })
})

describe('row 17: a name belongs to the principal that has it', () => {
  test('row 17: another principal does not get it, connected or away', async () => {
    await using h = harness({ router: { tokens } })
    const kennel = await h.client('kennel', { token: tokens.alice })
    const error = await refused(h.client('kennel', { token: tokens.bob }))
    expect(error).toMatchObject({ code: 'Forbidden', executed: 'no' })
    h.network.cut(h.processOf(kennel))
    h.network.isolate('kennel', 'reset')
    await h.advance(100)
    await expect(peer(h, { introduction: { name: 'kennel', ...as('bob') } })).rejects.toMatchObject({ code: 'Forbidden' })
    h.network.isolate('kennel', undefined)
    await h.advance(2000)
    expect(kennel.isConnected).toBe(true)
  })

  test('row 17: another process of the same principal gets it for good', async () => {
    await using h = harness()
    const first = await h.client('kennel')
    await first.expose(who, work)
    const second = await h.client('kennel')
    expect(await first.closed).toMatchObject({ code: 'Superseded' })
    await h.advance(60_000)
    expect([first.isConnected, second.isConnected]).toEqual([false, true])
    await expect(first.remote(who).am()).rejects.toMatchObject({ code: 'Superseded', executed: 'no' })
  })

  test('row 17: also when the first did not hear of it, because its link was dead', async () => {
    await using h = harness()
    const first = await h.client('kennel')
    h.network.isolate('kennel', 'reset')
    h.network.cut(h.processOf(first))
    await h.advance(5000)
    const second = await peer(h, { introduction: { name: 'kennel', incarnation: 'cafe'.repeat(5) } })
    h.network.isolate('kennel', undefined)
    await h.advance(20_000)
    expect(await first.closed).toMatchObject({ code: 'Superseded' })
    expect(second.connected.name).toBe('kennel')
  })

  test('row 17: a stranger who had the name for a moment does not lock its owner out', async () => {
    await using h = harness({ router: { tokens } })
    const kennel = await h.client('kennel', { token: tokens.alice })
    h.network.isolate('kennel', 'reset')
    h.network.cut(h.processOf(kennel))
    await h.advance(5000)
    const mallory = await peer(h, { introduction: { name: 'kennel', ...as('bob') } })
    mallory.send(frameOf({ type: FrameType.goodbye }))
    await mallory.ended
    h.network.isolate('kennel', undefined)
    await h.advance(20_000)
    expect(kennel.isConnected).toBe(true)
  })

  test('row 17: nobody may be called what another one is', async () => {
    await using h = harness({ router: { tokens } })
    const alice: Client = await h.client('kennel', { token: tokens.alice })
    const [{ id }] = (await alice.remote<{ clients(): [{ id: string }] }>('waybill.Router').clients()) as [{ id: string }]
    expect(await refused(h.client(id, { token: tokens.bob }))).toMatchObject({ code: 'Forbidden' })
  })
})

describe('row 18: a session cannot be taken', () => {
  const resume = (mallory: HostilePeer, token = mallory.connected.token) => ({
    session: mallory.connected.session,
    token,
    received: mallory.exchange.received,
  })

  async function opening(h: Harness, introduction: Partial<Introduction>): Promise<HostilePeer> {
    const again = await HostilePeer.link(h.network.transport(h.world.process('mallory')), ROUTER_URL)
    again.link.send(writeOpening({ incarnation: 'beef'.repeat(5), ...introduction }))
    again.connected = readConnected(await again.welcome)
    return again
  }

  test('row 18: the token has 256 bits, is good once, and changes', async () => {
    await using h = harness()
    const first = await peer(h, { introduction: { name: 'mine' } })
    expect(first.connected.token).toMatch(/^[0-9a-f]{64}$/)
    const second = await opening(h, { name: 'mine', resume: resume(first) })
    expect(second.connected).toMatchObject({ resumed: true, session: first.connected.session })
    expect(second.connected.token).not.toBe(first.connected.token)
    // Nothing has come over the new link, so its answer may be lost, and the token with it.
    const third = await opening(h, { name: 'mine', resume: resume(first) })
    expect(third.connected).toMatchObject({ resumed: true, session: first.connected.session })
    third.send(frameOf({ type: FrameType.call, source: third.connected.symbol, call: 1 }, callFields('waybill.Router', 'info'), body([])))
    expect((await third.next(({ call }) => call === 1)).type).toBe(FrameType.result)
    for (const spent of [first, second]) {
      const stolen = await opening(h, { name: 'other', resume: resume(spent) })
      expect(stolen.connected).toMatchObject({ resumed: false, name: 'other' })
      expect(stolen.connected.session).not.toBe(first.connected.session)
    }
  })

  test('row 18: a wrong token does not disturb the session that it was for', async () => {
    await using h = harness()
    const first = await peer(h, { introduction: { name: 'mine' } })
    for (const token of [
      '',
      '0'.repeat(64),
      first.connected.token.slice(1),
      `${first.connected.token}0`,
      first.connected.token.toUpperCase(),
    ]) {
      const stolen = await opening(h, { name: 'thief', incarnation: 'bad0'.repeat(5), resume: resume(first, token) })
      expect(stolen.connected.resumed).toBe(false)
    }
    first.send(frameOf({ type: FrameType.call, source: first.connected.symbol, call: 1 }, callFields('waybill.Router', 'info'), body([])))
    expect((await first.next(({ call }) => call === 1)).type).toBe(FrameType.result)
  })

  test('row 18: the right token is worth nothing to another principal', async () => {
    await using h = harness({ router: { tokens } })
    const first = await peer(h, { introduction: { name: 'mine', ...as('alice') } })
    const stolen = await opening(h, { name: 'thief', ...as('bob'), resume: resume(first) })
    expect(stolen.connected).toMatchObject({ resumed: false, principal: 'bob' })
    const back = await opening(h, { name: 'mine', ...as('alice'), resume: resume(first) })
    expect(back.connected).toMatchObject({ resumed: true, principal: 'alice' })
  })

  test('row 18: rights are asked for again', async () => {
    let isWelcome = true
    await using h = harness({ router: { tokens, authorize: (_principal, action) => action !== 'connect' || isWelcome } })
    const first = await peer(h, { introduction: { name: 'mine', ...as('alice') } })
    isWelcome = false
    expect(await refused(opening(h, { name: 'mine', ...as('alice'), resume: resume(first) }))).toMatchObject({ code: 'Forbidden' })
  })

  test('row 18: a claim to have received what was never sent, or what does not fit 32 bits, ends the session', async () => {
    await using h = harness()
    const first = await peer(h)
    const liar = await opening(h, { resume: { ...resume(first), received: 77 } })
    expect((await liar.next(({ type }) => type === FrameType.goodbye)).value).toMatchObject({ code: 'ProtocolViolation' })
    const second = await peer(h)
    expect(await refused(opening(h, { resume: { ...resume(second), received: 2 ** 32 + 1 } }))).toMatchObject({ code: 'ProtocolViolation' })
  })
})
