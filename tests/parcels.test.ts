/** Parcels for names without a connection, on virtual time: lending, acknowledging, answering, and who may. */
import { service } from '@waybill/client'
import { Parcel } from '@waybill/core'
import { createToken, revokeTokens, tokenFile } from '@waybill/server/tokens'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parcelStage, textOf, type ParcelStage } from './parcels-stage.js'

interface Inbox {
  receive(parcel: Parcel): Parcel
}
const inbox = service<Inbox>('waybill.Inbox@1.0.0', { receive: { idempotent: true } })

const DAY_MS = 24 * 3600 * 1000
const code = (thrown: Promise<unknown>): Promise<unknown> =>
  thrown.then(
    () => 'nothing was thrown',
    (error: { code?: string }) => error.code,
  )

/** dog is registered, and has this parcel. */
async function handed(s: ParcelStage, text = 'WUFF'): Promise<{ sn: string; id: string }> {
  await s.register('dog')
  const sn = await s.dispatch('dog', text)
  const item = await s.poll('dog')
  return { sn, id: item!.id }
}

describe('what waits for a name', () => {
  test('is lent to one at a time, in order, and comes again in its place when nobody has acknowledged it', async () => {
    await using s = parcelStage()
    await s.register('dog')
    for (const text of ['one', 'two', 'three']) await s.dispatch('dog', text)
    const first = await s.poll('dog', { lease: 5000 })
    expect([textOf(first!), await s.pollText('dog')]).toEqual(['one', 'two'])
    await s.h.advance(4900)
    expect(await s.pollText('dog')).toBe('three')
    expect(await s.pollText('dog')).toBeUndefined()
    await s.h.advance(60)
    expect(await s.poll('dog')).toMatchObject({ id: first!.id, attempt: 1 })
    await s.received(first!.id)
    await s.h.advance(31_000)
    expect([await s.pollText('dog'), await s.pollText('dog')]).toEqual(['two', 'three'])
    await s.h.advance(31_000)
    expect([await s.pollText('dog'), await s.pollText('dog'), await s.pollText('dog')]).toEqual(['two', 'three', undefined])
  })

  test('ends a poll that waits for it, one poll for each; a poll that gives up takes nothing', async () => {
    await using s = parcelStage()
    await s.register('dog')
    const gone = new AbortController()
    const [given, first, second] = [gone.signal, new AbortController().signal, new AbortController().signal].map((signal) =>
      s.parcels.receive('local', 'dog', 10_000, 30_000, signal),
    )
    gone.abort()
    expect(await s.h.until(given!)).toBeUndefined()
    await s.dispatch('dog', 'one')
    expect(textOf((await s.h.until(first!))!)).toBe('one')
    const fromMs = s.h.world.nowMs
    expect(await s.h.until(second!)).toBeUndefined()
    expect(s.h.world.nowMs - fromMs).toBeGreaterThan(9000)
    expect(s.h.world.nowMs - fromMs).toBeLessThanOrEqual(10_000)
  })

  test('is as much as the name takes at once, also when that changes', async () => {
    await using s = parcelStage()
    await s.register('dog', { concurrency: 1 })
    const sns = [await s.dispatch('dog', 'one'), await s.dispatch('dog', 'two'), await s.dispatch('dog', 'three')]
    const one = await s.poll('dog')
    await s.received(one!.id)
    expect(await s.poll('dog', { wait: 1000 })).toBeUndefined()
    expect(await s.state(sns[1]!)).toBe('stored')
    await s.register('dog', { concurrency: 2 })
    const two = await s.poll('dog', { wait: 1000 })
    expect(textOf(two!)).toBe('two')
    await s.postback(one!.id)
    expect(textOf((await s.poll('dog', { wait: 1000 }))!)).toBe('three')
    await s.postback(two!.id)
  })
})

describe('an answer', () => {
  test('is safe when that is said, and so are parcels and their acknowledgements', async () => {
    await using s = parcelStage({ writeMs: 50 })
    await s.register('dog')
    const lost = s.parcels.dispatch('local', { to: 'dog' }, new Parcel('lost'))
    await s.h.advance(10)
    await s.h.restartRouter()
    void lost.catch(() => {})
    expect(await s.pollText('dog')).toBeUndefined()
    const sn = await s.dispatch('dog')
    const { id } = (await s.poll('dog', { wait: 1000 }))!
    let isSafe = false
    for (const say of [() => s.parcels.received('local', id), () => s.parcels.postback('local', id, new Parcel('done'))]) {
      isSafe = false
      void say().then(() => (isSafe = true))
      await s.h.advance(40)
      expect(isSafe).toBe(false)
      await s.h.advance(70)
      expect(isSafe).toBe(true)
    }
    await s.h.restartRouter()
    expect(await s.outcome(sn)).toBe('done')
  })

  test('is taken once: a second is Answered, also at the same time, and the first one stays', async () => {
    await using s = parcelStage()
    const { sn, id } = await handed(s)
    const both = [s.parcels.postback('local', id, new Parcel('one')), s.parcels.postback('local', id, new Parcel('two'))]
    expect((await s.h.until(Promise.allSettled(both))).map((each) => (each.status === 'rejected' ? each.reason.code : 'ok'))).toEqual([
      'ok',
      'Answered',
    ])
    await expect(s.postback(id, 'three')).rejects.toMatchObject({ code: 'Answered', message: expect.stringContaining('first one stays') })
    expect(await s.outcome(sn)).toBe('one')
    await s.h.restartRouter()
    expect(await code(s.postback(id, 'four'))).toBe('Answered')
    expect(await s.outcome(sn)).toBe('one')
  })

  test('acknowledges what was not acknowledged, and what was failed is an exception', async () => {
    await using s = parcelStage()
    const { sn, id } = await handed(s)
    await s.h.until(s.parcels.postback('local', id, { code: 'RemoteException', message: 'no bone', executed: 'yes' }))
    expect(await s.receipt(sn)).toMatchObject({ state: 'failed' })
    expect(await s.h.until(s.parcels.outcomes.outcome('local', sn))).toMatchObject({ failure: { message: 'no bone', executed: 'yes' } })
    await s.h.advance(31_000)
    expect(await s.poll('dog')).toBeUndefined()
  })

  test('under an id that was never given out is NoSuchReceipt, however near it is', async () => {
    await using s = parcelStage()
    const { id, sn } = await handed(s)
    const near = (at: number): string => id.slice(0, at) + ((Number.parseInt(id[at]!, 16) + 1) % 16).toString(16) + id.slice(at + 1)
    for (const wrong of ['', '12345', sn, id.slice(0, -1), `${id}0`, id.toUpperCase(), near(0), near(11), near(12), near(43)])
      if (wrong !== id) expect([wrong, await code(s.postback(wrong))]).toEqual([wrong, 'NoSuchReceipt'])
    expect(await s.state(sn)).toBe('handed')
  })

  test('is Expired once its time is over, it was cancelled, or its receipt is kept no more', async () => {
    await using s = parcelStage({ router: { limits: { receiptRetentionMs: 1000, deadRetentionMs: 1000 } } })
    const { id, sn } = await handed(s)
    await s.received(id)
    await s.h.advance(2 * DAY_MS - 100)
    expect(await s.state(sn)).toBe('started')
    await s.h.advance(200)
    await expect(s.postback(id)).rejects.toMatchObject({ code: 'Expired', message: expect.stringContaining('can be answered no more') })
    const other = await s.dispatch('dog')
    const item = (await s.poll('dog'))!
    expect(await s.h.until(s.parcels.outcomes.cancel('local', other))).toBe(true)
    await s.h.advance(10)
    expect([await code(s.postback(item.id)), await s.state(other)]).toEqual(['Expired', 'cancelled'])
    expect(await s.h.until(s.parcels.outcomes.cancel('local', other))).toBe(false)
    await s.h.advance(2000)
    expect([await code(s.receipt(sn)), await code(s.postback(id))]).toEqual(['NoSuchReceipt', 'Expired'])
  })

  test('of who has it no more is told so, until the parcel comes again under the same id', async () => {
    await using s = parcelStage()
    const { id, sn } = await handed(s)
    await s.received(id)
    await s.unregister('dog')
    expect([await code(s.postback(id)), await s.state(sn)]).toEqual(['Rejected', 'stored'])
    await s.register('dog')
    expect(await s.poll('dog')).toMatchObject({ id, attempt: 2 })
    await s.postback(id)
    expect(await s.outcome(sn)).toBe('done')
  })

  test('goes by what the receiver called the parcel: the newest of that name, for its principal alone', async () => {
    await using s = parcelStage()
    await s.register('dog', { principal: 'us' })
    await s.register('cat', { principal: 'them' })
    const [first, second] = [await s.dispatch('dog', 'one', { principal: 'us' }), await s.dispatch('dog', 'two', { principal: 'us' })]
    for (const _ of [first, second]) await s.received((await s.poll('dog', { principal: 'us' }))!.id, '12345', 'us')
    for (const other of ['them', undefined])
      expect(await code(s.h.until(s.parcels.postback(other, '12345', new Parcel('mine'))))).toBe('NoSuchReceipt')
    await s.dispatch('cat', 'three', { principal: 'them' })
    const theirs = (await s.poll('cat', { principal: 'them' }))!
    await s.received(theirs.id, '12345', 'them')
    await s.postback('12345', 'done', 'us')
    expect([await s.outcome(second, 'us'), await s.state(first, 'us')]).toEqual(['done', 'started'])
    expect(await code(s.postback('12345', 'again', 'us'))).toBe('Answered')
    await s.postback('12345', 'theirs', 'them')
  })

  test('goes by that name at a later start of the router too', async () => {
    await using s = parcelStage()
    const { sn, id } = await handed(s)
    await s.received(id, '12345')
    await s.h.restartRouter()
    await s.postback('12345')
    expect(await s.outcome(sn)).toBe('done')
  })
})

describe('a name', () => {
  test('whose principal may not take parcels is refused, and leaves nobody behind', async () => {
    const denied = { authorize: (_principal: string, action: string) => action !== 'expose' }
    await using s = parcelStage({ router: denied })
    await expect(s.register('dog')).rejects.toMatchObject({ code: 'Forbidden', executed: 'no' })
    await s.h.advance(10)
    expect([s.h.router.load.sessions, s.parcels.registered('local')]).toEqual([0, []])
  })

  test('that registers again says other things of itself, and loses nothing that waits', async () => {
    await using s = parcelStage()
    await s.register('dog', { fields: { breed: 'collie', age: 3 } })
    await s.dispatch('dog')
    await s.register('dog', { fields: { breed: 'husky' } })
    expect(s.parcels.registered('local')).toMatchObject([{ name: 'dog', fields: { breed: 'husky' } }])
    expect(s.parcels.registered('local')[0]!.fields).toEqual({ breed: 'husky' })
    expect(await s.pollText('dog')).toBe('WUFF')
    await s.h.restartRouter()
    expect(s.parcels.registered('local')[0]!.fields).toEqual({ breed: 'husky' })
  })

  test('that leaves ends its polls, and what it has not answered is for the next one', async () => {
    await using s = parcelStage()
    await s.register('dog')
    const poll = s.parcels.receive('local', 'dog', 300_000, 30_000, new AbortController().signal)
    await s.unregister('dog')
    const fromMs = s.h.world.nowMs
    expect(await s.h.until(poll)).toBeUndefined()
    expect(s.h.world.nowMs).toBe(fromMs)
    expect(await code(s.dispatch('dog'))).toBe('NoSuchClient')
    await s.h.restartRouter()
    expect(s.parcels.registered('local')).toEqual([])
  })

  test('belongs to its principal: to register, to come for, to acknowledge, to answer, to leave, to send as', async () => {
    await using s = parcelStage()
    await s.register('dog', { principal: 'us' })
    const sn = await s.dispatch('dog', 'hello', { principal: 'them' })
    const { id } = (await s.poll('dog', { principal: 'us' }))!
    const tries = [
      () => s.register('dog', { principal: 'them' }),
      () => s.poll('dog', { principal: 'them' }),
      () => s.received(id, undefined, 'them'),
      () => s.postback(id, 'mine', 'them'),
      () => s.unregister('dog', 'them'),
      () => s.dispatch('dog', 'as you', { principal: 'them', from: 'dog' }),
    ]
    for (const attempt of tries) expect([String(attempt), await code(attempt())]).toEqual([String(attempt), 'Forbidden'])
    // Who has the id and says nothing of himself has it from the receiver.
    await s.h.until(s.parcels.postback(undefined, id, new Parcel('done')))
    expect([
      await s.outcome(sn, 'them'),
      await code(s.receipt(sn, 'us')),
      await code(s.h.until(s.parcels.outcomes.cancel('us', sn))),
    ]).toEqual(['done', 'NoSuchReceipt', 'NoSuchReceipt'])
  })

  test('goes with the token that it came with last', async () => {
    await using s = parcelStage()
    await s.register('dog', { digest: 'old' })
    await s.register('dog', { digest: 'new' })
    s.h.router.revoke('local', 'old')
    expect(s.parcels.registered('local')).toHaveLength(1)
    const poll = s.parcels.receive('local', 'dog', 300_000, 30_000, new AbortController().signal)
    s.h.router.revoke('local', 'new')
    expect(await s.h.until(poll)).toBeUndefined()
    expect(s.parcels.registered('local')).toEqual([])
    await s.h.advance(10)
    await s.h.restartRouter()
    expect(s.parcels.registered('local')).toEqual([])
  })

  test('does not come back where its token was revoked, or its principal lost the right, while the router was down', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'waybill-names-')), 'own', 'tokens.json')
    const [kept, gone] = ['kennel', 'walker'].map((label) => createToken(file, label).entry.digest) as [string, string]
    let mayConnect = true
    const authorize = (_principal: string, action: string, { client }: { client?: string }): boolean =>
      mayConnect || action !== 'connect' || client !== 'cat'
    await using s = parcelStage({ router: { tokens: tokenFile(file), authorize } })
    await s.register('dog', { principal: 'kennel', digest: kept })
    await s.register('cat', { principal: 'kennel', digest: kept })
    await s.register('owl', { principal: 'walker', digest: gone })
    const names = (): string[] => ['kennel', 'walker'].flatMap((principal) => s.parcels.registered(principal).map(({ name }) => name))
    await s.h.restartRouter()
    expect(names()).toEqual(['dog', 'cat', 'owl'])
    revokeTokens(file, 'walker')
    mayConnect = false
    await s.h.restartRouter()
    expect([names(), s.h.router.load.sessions]).toEqual([['dog'], 1])
    await s.h.advance(10)
    mayConnect = true
    await s.h.restartRouter()
    expect(names()).toEqual(['dog'])
  })

  test('is taken over by a client that connects as it, with all that it had, and back', async () => {
    await using s = parcelStage()
    const { sn, id } = await handed(s)
    await s.received(id)
    const client = await s.client('dog')
    expect(s.parcels.registered('local')).toEqual([])
    expect(await code(s.poll('dog'))).toBe('NoSuchClient')
    const seen: string[] = []
    await client.expose(inbox, {
      receive: (parcel) => {
        seen.push(parcel.text())
        return new Parcel('by socket')
      },
    })
    await s.h.advance(1000)
    expect([seen, await s.outcome(sn)]).toEqual([['WUFF'], 'by socket'])
    expect(await code(s.postback(id))).toBe('Answered')
    await s.register('dog')
    expect(await client.closed).toMatchObject({ code: 'Superseded' })
    await s.dispatch('dog', 'two')
    expect([await s.pollText('dog'), seen]).toEqual(['two', ['WUFF']])
  })
})

describe('a parcel', () => {
  test('for nobody is refused, and waits where it may', async () => {
    await using s = parcelStage()
    await expect(s.dispatch('dog')).rejects.toMatchObject({ code: 'NoSuchClient', message: expect.stringContaining('POST /register') })
    await s.client('cat')
    await expect(s.dispatch('cat')).rejects.toMatchObject({ code: 'NoSuchService', message: expect.stringContaining('takes no parcels') })
    const [late, never] = [await s.dispatch('dog', 'late', { ttlMs: 60_000 }), await s.dispatch('dog', 'never', { ttlMs: 1000 })]
    await s.h.advance(2000)
    expect([await s.state(late), await s.state(never), await s.outcome(never)]).toEqual(['stored', 'expired', 'Expired'])
    await s.register('dog')
    expect([await s.pollText('dog'), await s.pollText('dog')]).toEqual(['late', undefined])
  })

  test('with a key is dispatched once, whoever has gone since; another one with the key is refused', async () => {
    await using s = parcelStage()
    await s.register('dog')
    const sn = await s.dispatch('dog', 'one', { key: 'k' })
    expect(await s.dispatch('dog', 'one', { key: 'k' })).toBe(sn)
    expect(await code(s.dispatch('dog', 'two', { key: 'k' }))).toBe('IdempotencyConflict')
    expect(await s.dispatch('dog', 'one', { key: 'k', principal: 'them' })).not.toBe(sn)
    expect([await s.pollText('dog'), await s.pollText('dog'), await s.pollText('dog')]).toEqual(['one', 'one', undefined])
    await s.unregister('dog')
    await s.h.restartRouter()
    expect(await s.dispatch('dog', 'one', { key: 'k' })).toBe(sn)
  })

  test('that is cancelled is lent to nobody any more', async () => {
    await using s = parcelStage()
    await s.register('dog')
    const [first, second] = [await s.dispatch('dog', 'one'), await s.dispatch('dog', 'two')]
    await s.h.until(s.parcels.outcomes.cancel('local', first))
    expect([await s.pollText('dog'), await s.pollText('dog'), await s.state(second)]).toEqual(['two', undefined, 'handed'])
  })

  test('is told of to who sent it, until he says that he knows; nobody else can', async () => {
    await using s = parcelStage()
    await s.register('walker')
    await s.register('dog')
    const sn = await s.dispatch('dog', 'WUFF', { from: 'walker' })
    const parcel = (await s.poll('dog'))!
    expect(parcel).toMatchObject({ kind: 'parcel', sn, from: 'walker' })
    await s.postback(parcel.id, 'done')
    expect(await s.poll('walker', { wait: 1000, lease: 1000 })).toMatchObject({ kind: 'result', id: sn, sn })
    await s.h.advance(1001)
    expect(await s.pollText('walker')).toBe('done')
    for (const [principal, expected] of [
      ['them', 'NoSuchReceipt'],
      [undefined, 'Unauthorized'],
    ] as const)
      expect(await code(s.h.until(s.parcels.received(principal, sn)))).toBe(expected)
    await s.received(sn)
    await s.h.restartRouter()
    expect([await s.poll('walker', { wait: 100_000 }), await s.outcome(sn)]).toEqual([undefined, 'done'])
  })

  test('is refused where a name, a key, a ttl or its size is wrong, or who sends it is not there', async () => {
    await using s = parcelStage({ router: { limits: { maxFrameBytes: 8192 } } })
    await s.register('dog')
    const tries: [string, () => Promise<unknown>][] = [
      ['BadAddress', () => s.dispatch('a b')],
      ['BadAddress', () => s.dispatch('dog', '', { from: '../x' })],
      ['NoSuchClient', () => s.dispatch('dog', '', { from: 'nobody' })],
      ['BadArguments', () => s.dispatch('dog', '', { key: '' })],
      ['BadArguments', () => s.dispatch('dog', '', { key: 'k'.repeat(257) })],
      ['BadArguments', () => s.dispatch('dog', '', { ttlMs: 0 })],
      ['TooLarge', () => s.dispatch('dog', 'x'.repeat(8192))],
      ['BadAddress', () => s.register('a b')],
      ['BadArguments', () => s.register('dog', { concurrency: 0 })],
      ['BadArguments', () => s.register('dog', { concurrency: 1025 })],
      ['TooLarge', () => s.register('dog', { fields: { x: 'x'.repeat(17_000) } })],
      ['Forbidden', () => s.register('dog', { address: 'http://127.0.0.1:1/' })],
    ]
    for (const [expected, attempt] of tries) expect([String(attempt), await code(attempt())]).toEqual([String(attempt), expected])
  })
})
