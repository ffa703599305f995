/** Stored calls that come once more, when their receipts are kept no more: a caller may have slept for long, and what it calls must not run twice. */
import { currentCall, service } from '@waybill/client'
import { extensionField, Flag, FrameType, joinFields, serialBytes, serialNumber, Tag } from '@waybill/core'
import { harness, Paper, ROUTER_URL, type Harness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'
import { body, frameOf, HostilePeer, type Seen } from './hostile-peer.js'

const { call, exception, rejected, result, stored } = FrameType
const INCARNATION = 'beef'.repeat(5)
const RETENTION_MS = 5000
const TTL_MS = 60_000
const LATE_MS = 600_000

/** One session of the process that calls; `again` is the next one. */
class Caller {
  private constructor(
    private readonly h: Harness,
    private readonly peer: HostilePeer,
    private readonly incarnation: string,
  ) {}

  static async come(h: Harness, incarnation = INCARNATION): Promise<Caller> {
    const transport = h.network.transport(h.world.process('caller'))
    const peer = await h.until(HostilePeer.open(transport, ROUTER_URL, { introduction: { name: 'caller', incarnation } }))
    return new Caller(h, peer, incarnation)
  }

  async again(): Promise<Caller> {
    this.leave()
    await this.h.advance(1000)
    return Caller.come(this.h, this.incarnation)
  }

  leave(): void {
    this.peer.send(frameOf({ type: FrameType.goodbye }))
  }

  /** What comes of a call of this number, in order. */
  async call(number: number, { flags = 0, ttlMs = TTL_MS } = {}): Promise<readonly unknown[]> {
    const extension = joinFields([
      extensionField(Tag.destination, 'Dog'),
      extensionField(Tag.method, 'bark'),
      extensionField(Tag.sn, serialBytes(serialNumber(this.incarnation, number))),
      extensionField(Tag.data, '"mine"'),
    ])
    const { symbol: source } = this.peer.connected
    this.peer.send(frameOf({ type: call, flags: Flag.durable | flags, source, call: number, ttlMs }, extension, body(['hi'])))
    await this.h.advance(1000)
    const own = this.peer.frames.filter((frame) => frame.call === number)
    this.peer.frames.length = 0
    return own.flatMap(said)
  }
}

function said(frame: Seen): readonly unknown[] {
  const { type, flags, value } = frame
  expect(new TextDecoder().decode(frame.field(Tag.data))).toBe('"mine"')
  if (type === stored) return [(value as { duplicate?: boolean }).duplicate === true ? 'stored before' : 'stored']
  if (type === result) return [value]
  const executed = ['maybe', 'no', 'maybe', 'yes'][(flags & Flag.executedMask) >> 3]
  if (type === exception || type === rejected) return [`${(value as { code: string }).code} ${executed}`]
  return []
}

async function kennel(h: Harness): Promise<string[]> {
  const ran: string[] = []
  const client = await h.client('kennel')
  const dog = service<{ bark(what: string): string }>('Dog@1.0.0', { bark: {} })
  await h.until(client.expose(dog, { bark: (what) => (ran.push(currentCall().sn), `wau ${what}`) }))
  return ran
}

const limits = { receiptRetentionMs: RETENTION_MS }

describe('a stored call that comes once more', () => {
  test('is the same call as long as its receipt is kept', async () => {
    await using h = harness({ router: { limits } })
    const ran = await kennel(h)
    const first = await Caller.come(h)
    expect(await first.call(2)).toEqual(['stored', 'wau hi'])
    expect(await (await first.again()).call(2)).toEqual(['stored before', 'wau hi'])
    expect(ran).toHaveLength(1)
  })

  test('is known until ten minutes after its time, and its outcome is not made up', async () => {
    await using h = harness({ router: { limits } })
    const ran = await kennel(h)
    const first = await Caller.come(h)
    await first.call(2)
    await h.advance(RETENTION_MS)
    const second = await first.again()
    expect(await second.call(2)).toEqual(['stored before', 'NoSuchReceipt maybe'])
    await h.advance(TTL_MS + LATE_MS - 4 * RETENTION_MS)
    // Others come and go meanwhile.
    const third = await second.again()
    expect(await third.call(3)).toEqual(['stored', 'wau hi'])
    await h.advance(2 * RETENTION_MS)
    expect(await (await third.again()).call(2, { flags: Flag.noReply })).toEqual(['stored before'])
    expect(ran).toHaveLength(2)
  })

  test('later still it does not run either, and nobody says that it never did', async () => {
    await using h = harness({ router: { limits } })
    const ran = await kennel(h)
    const first = await Caller.come(h)
    await first.call(2)
    await h.advance(TTL_MS + LATE_MS)
    const second = await first.again()
    expect(await second.call(4)).toEqual(['stored', 'wau hi'])
    await h.advance(2 * RETENTION_MS)
    const third = await second.again()
    expect(await third.call(2)).toEqual(['NoSuchReceipt maybe'])
    expect(await (await third.again()).call(2, { flags: Flag.noReply })).toEqual(['NoSuchReceipt maybe'])
    expect(ran).toHaveLength(2)
  })

  test('what it hides is nobody else: another process with the same number, and later numbers of its own, are new calls', async () => {
    await using h = harness({ router: { limits } })
    const ran = await kennel(h)
    const first = await Caller.come(h)
    await first.call(2, { ttlMs: 1000 })
    await h.advance(LATE_MS + 2000)
    const second = await first.again()
    await second.call(3, { ttlMs: 1000 })
    await h.advance(2 * RETENTION_MS)
    const third = await second.again()
    expect(await third.call(4)).toEqual(['stored', 'wau hi'])
    third.leave()
    const other = await Caller.come(h, 'cafe'.repeat(5))
    expect(await other.call(2)).toEqual(['stored', 'wau hi'])
    other.leave()
    expect(ran).toHaveLength(4)
  })

  test('is known at a later start', async () => {
    await using h = harness({ paper: new Paper(), router: { limits } })
    const ran = await kennel(h)
    const first = await Caller.come(h)
    await first.call(2)
    await h.advance(2 * RETENTION_MS)
    first.leave()
    await h.restartRouter(100)
    await h.advance(1000)
    const second = await Caller.come(h)
    expect(await second.call(2)).toEqual(['stored before', 'NoSuchReceipt maybe'])
    await h.advance(TTL_MS + LATE_MS)
    await second.again().then((session) => session.call(3))
    await h.advance(2 * RETENTION_MS)
    await h.restartRouter(100)
    await h.advance(1000)
    const third = await Caller.come(h)
    expect(await third.call(2)).toEqual(['NoSuchReceipt maybe'])
    third.leave()
    expect(ran).toHaveLength(2)
  })

  test('does not run again when its receipt had to make room', async () => {
    await using h = harness({ router: { limits: { maxReceipts: 3 } } })
    const ran = await kennel(h)
    let caller = await Caller.come(h)
    for (const number of [2, 3, 4, 5, 6]) expect(await caller.call(number)).toEqual(['stored', 'wau hi'])
    caller = await caller.again()
    expect(await caller.call(6)).toEqual(['stored before', 'wau hi'])
    expect(await caller.call(2)).toEqual(['NoSuchReceipt maybe'])
    expect(await caller.call(3)).toEqual(['NoSuchReceipt maybe'])
    caller.leave()
    expect(ran).toHaveLength(5)
  })
})
