/** The caller's own data: the method sees it, and whoever speaks of the call, callee or router, returns it as it was. */
import { extensionField, Flag, FrameType, joinFields, Tag } from '@waybill/core'
import { currentCall, service } from '@waybill/client'
import { harness, ROUTER_URL } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'
import { body, frameOf, HostilePeer } from './hostile-peer.js'

interface Dog {
  bark(): unknown
  fail(): never
}

const dog = service<Dog>('Dog@1.0.0', { bark: {}, fail: {} })
const data = { trace: 't1', at: [1, 2] }

const fields = (address: string, method: string): Uint8Array =>
  joinFields([extensionField(Tag.destination, address), extensionField(Tag.method, method), extensionField(Tag.data, JSON.stringify(data))])

const returned = (field: Uint8Array | undefined): unknown => field && JSON.parse(new TextDecoder().decode(field))

describe("the caller's data", () => {
  test('is plain JSON: what JSON would change in silence is refused with its name, and nothing is sent', async () => {
    await using h = harness()
    const kennel = await h.client('kennel')
    await kennel.expose(dog, { bark: () => currentCall().data, fail: () => expect.unreachable() })
    const { bark } = kennel.remote(dog)
    for (const [given, name] of [
      [{ at: new Date(0) }, '"at"'],
      [{ seen: [new Set()] }, '"0"'],
      [new Map(), 'it'],
      [{ ratio: Number.NaN }, '"ratio"'],
      [[undefined], '"0"'],
      [{ call: () => 1 }, '"call"'],
    ] as const) {
      await expect(bark.with({ data: given })()).rejects.toMatchObject({
        code: 'NotRepresentable',
        executed: 'no',
        message: `data is not plain JSON: JSON cannot say ${name}`,
      })
    }
    expect(() => kennel.remote(dog, { construct: [new Date(0)] }).bark()).toThrow('construct is not plain JSON')
    expect(await bark.with({ data: { a: [1, null, { b: 'c' }], none: undefined } })()).toEqual({ a: [1, null, { b: 'c' }] })
  })

  test('reaches the method, and comes back with statuses, results, exceptions and refusals', async () => {
    await using h = harness()
    const kennel = await h.client('kennel', { onIncident: () => {} })
    const barking = {
      bark() {
        currentCall().progress({ total: 1, completed: 1 })
        return currentCall().data
      },
      fail(): never {
        throw new Error('no')
      },
    }
    await h.until(kennel.expose(dog, barking))
    const peer = await HostilePeer.open(h.network.transport(h.world.process('by hand')), ROUTER_URL, { introduction: { name: 'by-hand' } })
    const source = peer.connected.symbol
    peer.send(
      frameOf({ type: FrameType.call, flags: Flag.statusesWanted, source, call: 1 }, fields('Dog', 'bark')),
      frameOf({ type: FrameType.call, source, call: 2 }, fields('Dog', 'fail')),
      frameOf({ type: FrameType.call, source, call: 3 }, fields('Dog', 'fly'), body([])),
      frameOf({ type: FrameType.call, source, call: 4 }, fields('Cat', 'meow'), body([])),
    )
    const expected = [
      [1, FrameType.accepted],
      [1, FrameType.started],
      [1, FrameType.progress],
      [1, FrameType.result],
      [2, FrameType.exception],
      [3, FrameType.rejected],
      [4, FrameType.rejected],
    ] as const
    for (const [call, type] of expected) {
      const frame = await peer.next((one) => one.call === call && one.type === type)
      expect(returned(frame.field(Tag.data)), `call ${call}, type ${type}`).toEqual(data)
      if (type === FrameType.result) expect(frame.value).toEqual(data)
    }
    await h.until(kennel.close())
  })
})
