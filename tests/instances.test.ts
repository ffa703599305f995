/** The symbol of an instance as an address, seen from a peer that writes its frames by hand: one instance, the same rights, and nothing once it is gone. */
import { extensionField, FrameType, joinFields, Tag } from '@waybill/core'
import type { RouterOptions } from '@waybill/server'
import { harness, ROUTER_URL, type Harness } from '@waybill/testkit'
import { expect, test } from 'vitest'
import { kennel, type Kennel } from './fixtures/kennels.js'
import { body, frameOf, HostilePeer, type Seen } from './hostile-peer.js'

interface Scene {
  readonly h: Harness
  readonly peer: HostilePeer
  readonly kennels: readonly Kennel[]
  /** Symbols by client. */
  readonly symbols: Readonly<Record<string, number>>
}

async function scene(router: Omit<RouterOptions, 'ports' | 'listen'> = {}): Promise<Scene> {
  const h = harness({ router })
  const kennels = [await kennel(h, 'rex', { concurrency: 1 }), await kennel(h, 'ace', { concurrency: 1 })]
  const peer = await HostilePeer.open(h.network.transport(h.world.process('peer')), ROUTER_URL)
  const listed = await call(peer, 1, [extensionField(Tag.destination, 'waybill.Router'), extensionField(Tag.method, 'instances')], ['Dog'])
  const symbols = Object.fromEntries((listed.value as { client: string; symbol: number }[]).map(({ client, symbol }) => [client, symbol]))
  return { h, peer, kennels, symbols }
}

function call(peer: HostilePeer, number: number, names: readonly Uint8Array[], args: readonly unknown[], destination = 0): Promise<Seen> {
  const head = { type: FrameType.call, source: peer.connected.symbol, call: number, destination, ttlMs: 60_000 }
  peer.send(frameOf(head, joinFields(names), body(args)))
  return peer.next((frame) => frame.call === number && frame.type >= FrameType.result)
}

function ask(peer: HostilePeer, number: number, destination: number | undefined, method: string, ...args: unknown[]): Promise<Seen> {
  return call(peer, number, [extensionField(Tag.method, method)], args, destination)
}

function bye({ peer }: Scene): void {
  peer.send(frameOf({ type: FrameType.goodbye }))
}

test('it means that one, and waits for it where it has no room', async () => {
  const s = await scene()
  await using h = s.h
  const { peer, symbols, kennels } = s
  const resting = ask(peer, 2, symbols['rex'], 'rest', { rex: 500 })
  await h.advance(10)
  const waiting = ask(peer, 3, symbols['rex'], 'bark', 'x')
  expect((await h.until(ask(peer, 4, symbols['ace'], 'bark', 'y'))).value).toBe('ace 1.0.0: y')
  expect(kennels[0]!.seen).toEqual(['rest'])
  expect((await h.until(resting)).value).toBe('rex')
  expect((await h.until(waiting)).value).toBe('rex 1.0.0: x')
  bye(s)
})

test('it asks for the same rights as the address of its service', async () => {
  const asked: (string | undefined)[] = []
  const s = await scene({
    authorize: (_, action, { service, method }) => {
      if (action === 'call') asked.push(`${service}.${method}`)
      return method !== 'bark'
    },
  })
  await using _ = s.h
  const refused = await ask(s.peer, 2, s.symbols['rex'], 'bark', 'x')
  expect(refused).toMatchObject({ type: FrameType.rejected, value: { code: 'Forbidden' } })
  expect(asked).toEqual(['Dog.undefined', 'Dog.bark'])
  expect(s.kennels[0]!.seen).toEqual([])
  bye(s)
})

test('it is stale once the instance is withdrawn, and what waited for it is refused', async () => {
  const s = await scene()
  await using h = s.h
  const { peer, symbols, kennels } = s
  const resting = ask(peer, 2, symbols['rex'], 'rest', { rex: 500 })
  await h.advance(10)
  const waiting = ask(peer, 3, symbols['rex'], 'bark', 'x')
  const closing = kennels[0]!.client.close()
  expect(await h.until(waiting)).toMatchObject({ type: FrameType.rejected, value: { code: 'NoSuchService' } })
  expect((await h.until(resting)).value).toBe('rex')
  await h.until(closing)
  expect(await ask(peer, 4, symbols['rex'], 'bark', 'x')).toMatchObject({ type: FrameType.rejected, value: { code: 'StaleSymbol' } })
  expect((await ask(peer, 5, symbols['ace'], 'bark', 'x')).value).toBe('ace 1.0.0: x')
  bye(s)
})

test('a list needs an address that is one', async () => {
  const s = await scene()
  await using _ = s.h
  const names = [extensionField(Tag.destination, 'waybill.Router'), extensionField(Tag.method, 'instances')]
  expect((await call(s.peer, 2, names, [])).value).toMatchObject({ code: 'BadArguments' })
  expect((await call(s.peer, 3, names, ['a b'])).value).toMatchObject({ code: 'BadAddress' })
  expect((await call(s.peer, 4, names, ['Cat', 'meow'])).value).toMatchObject({ code: 'NoSuchService' })
  bye(s)
})
