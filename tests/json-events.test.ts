/** Durable events at the JSON door: published, read from the log, and taken. */
import { harness, Paper, type Harness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'
import type { Json } from './json-peer.js'
import { JsonStage } from './json-stage.js'

const [SN, OTHER] = ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002']

async function staged(h: Harness, name: string): Promise<JsonStage> {
  const stage = new JsonStage(h)
  stage.say({ hello: { version: 1, name } })
  await h.advance(0)
  expect(stage.take('welcome')).toHaveLength(1)
  return stage
}

async function said(h: Harness, stage: JsonStage, message: Json): Promise<Json[]> {
  stage.say(message)
  await h.advance(10)
  return stage.said.splice(0)
}

const idsOf = (messages: readonly Json[]): unknown[] => messages.map(({ event }) => (event as Json | undefined)?.['id'])

describe('a JSON client', () => {
  test('publishes what is stored, and is told its id; without an sn it is minted', async () => {
    await using h = harness({ paper: new Paper() })
    const stage = await staged(h, 'kennel')
    expect(await said(h, stage, { sn: SN, durable: true, publish: { topic: 'dog.barked', value: 'wau' } })).toEqual([
      { sn: SN, version: '1.0', routing: [null, 'kennel'], status: 'stored', id: 1, durability: 'disk' },
    ])
    const [minted, stored] = await said(h, stage, { durable: true, publish: { topic: 'dog.barked' } })
    expect(stored).toMatchObject({ sn: minted!['minted'], status: 'stored', id: 2 })
    expect(await said(h, stage, { sn: SN, durable: true, publish: { topic: 'waybill.x' } })).toMatchObject([
      { sn: SN, status: 'rejected', code: 'Forbidden' },
    ])
    expect(await said(h, stage, { publish: { topic: 'dog.slept' } })).toEqual([])
  })

  test('reads the log as far ahead as it says what it has taken', async () => {
    await using h = harness()
    const kennel = await h.client('kennel')
    await h.until(Promise.all(Array.from({ length: 1068 }, (_, at) => kennel.publish('dog.barked', at, { durable: true }))))
    const stage = await staged(h, 'watcher')
    const [result, ...first] = await said(h, stage, { sn: SN, subscribe: { topic: 'dog.*', after: 10 } })
    expect(result).toMatchObject({ sn: SN, result: {} })
    expect(first[0]).toEqual({
      sn: SN,
      event: { topic: 'dog.barked', sender: 'kennel', cursor: 11, id: 11, timestamp: expect.stringMatching(/Z$/), value: 10 },
    })
    expect(idsOf(first)).toEqual(Array.from({ length: 1024 }, (_, at) => at + 11))
    expect(idsOf(await said(h, stage, { sn: SN, taken: { id: 20 } }))).toEqual(Array.from({ length: 10 }, (_, at) => at + 1035))
    // What it was not sent cannot be taken.
    expect(idsOf(await said(h, stage, { sn: SN, taken: { id: 100_000 } }))).toEqual(Array.from({ length: 24 }, (_, at) => at + 1045))
    expect(await said(h, stage, { sn: SN, taken: {} })).toMatchObject([{ status: 'rejected', code: 'ProtocolViolation' }])
    await said(h, stage, { sn: SN, unsubscribe: {} })
    expect(await said(h, stage, { sn: SN, taken: { id: 1068 } })).toEqual([])
    stage.say({ goodbye: {} })
  })

  test('goes on where its cursor is, and loses it to the next reader', async () => {
    await using h = harness({ router: { limits: { maxLoggedEvents: 2 } } })
    const kennel = await h.client('kennel')
    for (let n = 1; n <= 3; n++) await h.until(kennel.publish('dog.barked', n, { durable: true }))
    const [one, other] = [await staged(h, 'one'), await staged(h, 'other')]
    expect((await said(h, one, { sn: SN, subscribe: { topic: 'dog.*', cursor: 'printer' } })).slice(1)).toMatchObject([
      { sn: SN, gap: { from: 1, to: 1 } },
      { sn: SN, event: { id: 2 } },
      { sn: SN, event: { id: 3 } },
    ])
    await said(h, one, { sn: SN, taken: { id: 2 } })
    expect((await said(h, other, { sn: OTHER, subscribe: { topic: 'dog.*', cursor: 'printer' } })).slice(1)).toMatchObject([
      { sn: OTHER, event: { id: 3 } },
    ])
    expect(one.said.splice(0)).toMatchObject([{ sn: SN, status: 'rejected', code: 'Superseded' }])
    for (const stage of [one, other]) stage.say({ goodbye: {} })
  })
})
