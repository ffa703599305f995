/** Peers that say what they like of durable events: it is refused or drops out, costs nobody anything, and moves nobody's cursor. */
import { extensionField, Flag, FrameType, joinFields, Tag } from '@waybill/core'
import type { RouterApi } from '@waybill/server'
import { harness, ROUTER_URL, type Harness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'
import { body, frameOf, HostilePeer } from './hostile-peer.js'

const peerOf = (h: Harness): Promise<HostilePeer> => HostilePeer.open(h.network.transport(h.world.process('peer')), ROUTER_URL)

function subscribe(peer: HostilePeer, call: number, fields: readonly (readonly [number, string])[]): void {
  const head = { type: FrameType.subscribe, flags: Flag.durable, source: peer.connected.symbol, call }
  peer.send(frameOf(head, joinFields([extensionField(Tag.topic, 'dog.*'), ...fields.map(([tag, text]) => extensionField(tag, text))])))
}

function taken(peer: HostilePeer, call: number, id: string, source = peer.connected.symbol): void {
  peer.send(frameOf({ type: FrameType.eventsTaken, source, call }, extensionField(Tag.cursor, id)))
}

describe('a hostile subscriber', () => {
  test.each([
    [[[Tag.cursor, '-1']], 'BadArguments'],
    [[[Tag.cursor, '1e3']], 'BadArguments'],
    [[[Tag.cursor, '']], 'BadArguments'],
    [[[Tag.cursor, '9'.repeat(16)]], 'BadArguments'],
    [[[Tag.cursorName, '']], 'BadAddress'],
    [[[Tag.cursorName, 'a b']], 'BadAddress'],
    [[[Tag.cursorName, 'x'.repeat(65)]], 'BadAddress'],
  ] as const)('that begins at %j is refused with %s', async (fields, code) => {
    await using h = harness()
    const peer = await peerOf(h)
    subscribe(peer, 1, fields)
    expect((await peer.next(({ type }) => type === FrameType.rejected)).value).toMatchObject({ code })
    expect(h.router.load.subscriptions).toBe(0)
    peer.link.terminate()
  })

  test('that has taken what it was not sent, or what is another one’s, moves nothing', async () => {
    await using h = harness()
    const kennel = await h.client('kennel')
    for (let n = 1; n <= 3; n++) await h.until(kennel.publish('dog.barked', n, { durable: true }))
    const own = kennel.events('dog.*', { cursor: 'printer' })
    expect((await h.until(own.next())).value).toMatchObject({ id: 1 })
    const peer = await peerOf(h)
    subscribe(peer, 1, [[Tag.cursorName, 'other']])
    await peer.next(({ type }) => type === FrameType.event)
    taken(peer, 1, '9000000')
    taken(peer, 2, '3')
    taken(peer, 1, '2', kennel.isConnected ? peer.connected.symbol + 1 : 0)
    await h.advance(10)
    const cursors = await h.until(kennel.remote<RouterApi>('waybill.Router').cursors())
    expect(cursors.map(({ name, after }) => [name, after])).toEqual([
      ['printer', 0],
      ['other', 3],
    ])
    await own.close()
    peer.link.terminate()
  })

  test.each([['x'], ['-1'], ['']])('that has taken %j breaks the protocol', async (id) => {
    await using h = harness()
    const peer = await peerOf(h)
    taken(peer, 1, id)
    expect((await peer.next(({ type }) => type === FrameType.goodbye)).value).toMatchObject({ code: 'BadArguments' })
  })
})

test('a publisher that speaks for somebody else, or in pieces, has nothing stored', async () => {
  await using h = harness()
  const kennel = await h.client('kennel')
  const peer = await peerOf(h)
  const publish = (source: number, flags: number): void =>
    peer.send(frameOf({ type: FrameType.publish, flags, source, call: 1 }, extensionField(Tag.topic, 'dog.barked'), body('wau')))
  publish(peer.connected.symbol + 1, Flag.durable)
  expect((await peer.next(({ type }) => type === FrameType.rejected)).value).toMatchObject({ code: 'Forbidden' })
  publish(peer.connected.symbol, Flag.durable | Flag.more)
  expect((await peer.next(({ type }) => type === FrameType.rejected)).value).toMatchObject({ code: 'TooLarge' })
  expect(await h.until(kennel.publish('dog.barked', 'wau', { durable: true }))).toMatchObject({ id: 1 })
  peer.link.terminate()
})
