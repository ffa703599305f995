/** What a stored call does once, however often it is handed to somebody: `currentCall().once`. */
import { currentCall, service, type Client } from '@waybill/client'
import { Store, type RouterApi } from '@waybill/server'
import { harness, Paper, type Harness } from '@waybill/testkit'
import { expect, test } from 'vitest'
import { MemoryJournal } from '../packages/server/src/journal/memory.js'
import { RecordKind } from '../packages/server/src/records.js'

interface Shop {
  order(what: string): Promise<unknown>
}
const shop = service<Shop>('Shop@1.0.0', { order: { idempotent: true } })

type Work = (charge: () => unknown, slow: () => Promise<void>) => unknown

/** A shop whose method does the work; `charged` counts what is to be done once. */
async function opened(h: Harness, name: string, work: Work): Promise<{ client: Client; charged: unknown[] }> {
  const client = await h.client(name, { onIncident: () => {} })
  const charged: unknown[] = []
  const order = async (what: string): Promise<unknown> => {
    const slow = (): Promise<void> => h.processOf(client).sleep(1000)
    return work(() => {
      charged.push(what)
      return { by: name, number: charged.length, at: new Date(0) }
    }, slow)
  }
  await h.until(client.expose(shop, { order }))
  return { client, charged }
}

/** Charges, and then takes its time. */
const charging: Work = async (charge, slow) => {
  const paid = await currentCall().once('charge', charge)
  await slow()
  return paid
}

test('a later attempt gets the value of the first one, and does not do it again', async () => {
  await using h = harness()
  const caller = await h.client('caller')
  const first = await opened(h, 'first', charging)
  const receipt = await h.until(caller.remote(shop).order.async('tea'))
  await h.advance(100)
  h.kill(first.client)
  const second = await opened(h, 'second', charging)
  expect(await h.until(receipt.result())).toEqual({ by: 'first', number: 1, at: new Date(0) })
  expect([first.charged, second.charged]).toEqual([['tea'], []])
})

test('so does one at a later start of the router', async () => {
  await using h = harness({ paper: new Paper(), router: { limits: { leaseMs: 2000 } } })
  const caller = await h.client('caller')
  const first = await opened(h, 'first', charging)
  const { sn } = await h.until(caller.remote(shop).order.async('tea'))
  await h.advance(100)
  h.kill(first.client)
  await h.restartRouter(100)
  const second = await opened(h, 'second', charging)
  const other = await h.client('other')
  expect(await h.until(other.receipt(sn).result())).toEqual({ by: 'first', number: 1, at: new Date(0) })
  expect(second.charged).toEqual([])
})

test('and one of the same process that goes on over the loss of its session', async () => {
  await using h = harness({ paper: new Paper() })
  const caller = await h.client('caller')
  const first = await opened(h, 'first', async (charge, slow) => {
    const call = currentCall()
    await slow()
    return call.once('charge', charge)
  })
  const receipt = await h.until(caller.remote(shop).order.async('tea'))
  await h.advance(900)
  // It asks while there is no router.
  await h.restartRouter(500)
  expect(await h.until(receipt.result())).toMatchObject({ by: 'first' })
  expect(first.charged).toEqual(['tea'])
})

test('another try of a dead letter does not do it again either', async () => {
  await using h = harness({ paper: new Paper(), router: { limits: { maxAttempts: 1 } } })
  const caller = await h.client('caller')
  const first = await opened(h, 'first', charging)
  await h.until(caller.remote(shop).order.async('tea'))
  await h.advance(100)
  h.kill(first.client)
  await h.advance(60_000)
  const [dead] = await h.until(caller.deadLetters())
  await h.restartRouter(10)
  const second = await opened(h, 'second', charging)
  const other = await h.client('other')
  const receipt = await h.until(other.redrive(dead!.sn))
  expect(await h.until(receipt.result())).toMatchObject({ by: 'first' })
  expect(second.charged).toEqual([])
})

test('whoever asks for the same at once gets the same; another key is something else', async () => {
  await using h = harness()
  const caller = await h.client('caller')
  const { charged } = await opened(h, 'shop', async (charge) => {
    const { once } = currentCall()
    return Promise.all([once('a', charge), once('a', charge), once('b', charge)])
  })
  const receipt = await h.until(caller.remote(shop).order.async('tea'))
  expect(await h.until(receipt.result())).toMatchObject([{ number: 1 }, { number: 1 }, { number: 2 }])
  expect(charged).toHaveLength(2)
})

test('what throws is not recorded, and may be tried again', async () => {
  await using h = harness()
  const caller = await h.client('caller')
  let tries = 0
  const { charged } = await opened(h, 'shop', async (charge) => {
    const { once } = currentCall()
    const failing = (): unknown => {
      if (++tries === 1) throw new RangeError('no money')
      return charge()
    }
    return once('charge', failing).catch(() => once('charge', failing))
  })
  const receipt = await h.until(caller.remote(shop).order.async('tea'))
  expect(await h.until(receipt.result())).toMatchObject({ number: 1 })
  expect([tries, charged.length]).toEqual([2, 1])
})

test('a call that is handed over once just does it', async () => {
  await using h = harness()
  const caller = await h.client('caller')
  const { charged } = await opened(h, 'shop', async (charge) => {
    const { once } = currentCall()
    return [await once('a', charge), await once('a', charge)]
  })
  expect(await h.until(caller.remote(shop).order('tea'))).toMatchObject([{ number: 1 }, { number: 2 }])
  expect(charged).toHaveLength(2)
})

test('what is recorded is bounded, and says so', async () => {
  await using h = harness({ router: { limits: { maxNotesPerCall: 2, maxNoteBytes: 100 } } })
  const caller = await h.client('caller')
  const codeOf = (asked: Promise<unknown>): Promise<unknown> =>
    asked.then(
      () => 'done',
      ({ code }: { code: string }) => code,
    )
  await opened(h, 'shop', async () => {
    const { once } = currentCall()
    return [
      await codeOf(once('long', () => 'x'.repeat(200))),
      await codeOf(once('', () => 1)),
      await codeOf(once('a', () => 1)),
      await codeOf(once('b', () => 1)),
      await codeOf(once('c', () => 1)),
      await codeOf(once('b', () => 2)),
    ]
  })
  const receipt = await h.until(caller.remote(shop).order.async('tea'))
  expect(await h.until(receipt.result())).toEqual(['TooLarge', 'BadArguments', 'done', 'done', 'TooLarge', 'done'])
})

test('the value is safe before it is given', async () => {
  await using h = harness({ paper: new Paper({ writeMs: 100 }) })
  const caller = await h.client('caller')
  let given = false
  const { charged } = await opened(h, 'shop', async (charge) => {
    const paid = await currentCall().once('charge', charge)
    given = true
    return paid
  })
  const { sn } = await h.until(caller.remote(shop).order.async('tea'))
  while (charged.length === 0) await h.advance(1)
  await h.advance(90)
  expect(given).toBe(false)
  await h.advance(200)
  expect(given).toBe(true)
  expect(await h.until(caller.receipt(sn).result())).toMatchObject({ number: 1 })
})

test('a record that a router took with it is made again at the next one, and not done again', async () => {
  await using h = harness({ paper: new Paper({ writeMs: 100 }) })
  const caller = await h.client('caller')
  const { charged } = await opened(h, 'shop', (charge) => currentCall().once('charge', charge))
  const { sn } = await h.until(caller.remote(shop).order.async('tea'))
  while (charged.length === 0) await h.advance(1)
  await h.advance(50)
  await h.restartRouter(100)
  expect(await h.until(caller.receipt(sn).result())).toMatchObject({ number: 1 })
  expect(charged).toEqual(['tea'])
})

test('the records of a call under way are kept where they stand, and found where a snapshot says', async () => {
  const paper = new Paper()
  await using h = harness({ paper })
  const caller = await h.client('caller')
  await opened(h, 'shop', charging)
  await h.until(caller.remote(shop).order.async('tea'))
  await h.advance(100)
  const { store } = paper.open(h.processOf(caller))
  const [receipt] = [...store.live()]
  const { place } = receipt!.notes!.get('charge')!
  expect(placesOf(store)).toContainEqual(place)
  const copy = new Store()
  for (const entry of store.entries()) copy.restore(entry)
  expect(placesOf(copy)).toEqual(placesOf(store))
  let record!: Uint8Array
  store.journal.read(place, (found?: Uint8Array) => (record = found!))
  expect([store.needs(RecordKind.noted, record, place), store.needs(RecordKind.noted, record, { ...place, offset: 99 })]).toEqual([
    true,
    false,
  ])
  store.moved(RecordKind.noted, record, { ...place, segment: 2 })
  expect(placesOf(store)).toContainEqual({ ...place, segment: 2 })
  // What it did is of no use any more when it has ended.
  await h.advance(2000)
  const { store: ended } = paper.open(h.processOf(caller))
  expect(placesOf(ended)).toHaveLength(1)
})

test('what was recorded of a call that has ended is kept no more', () => {
  const journal = new MemoryJournal()
  const store = new Store()
  store.begin(journal)
  const [sn, principal, client, service_, method] = ['018f3c1e-7a00-8dea-b6fb-bc0000000001', 'local', 'caller', 'Shop', 'order']
  const terms = { sn, principal, client, address: 'Shop', service: service_, method, storedMs: 1, waitUntilMs: 2, deadlineMs: 2 }
  const receipt = store.add(terms, [new Uint8Array(40)])
  store.noted(receipt, 'charge', 1, new Uint8Array([49]))
  const { place } = receipt.notes!.get('charge')!
  const found = (): boolean => {
    let isThere = false
    journal.read(place, (record) => (isThere = record !== undefined))
    return isThere
  }
  expect(found()).toBe(true)
  store.ended(receipt, { state: 'succeeded', ms: 2, isOwed: false, cause: undefined }, [])
  expect([found(), receipt.notes]).toEqual([false, undefined])
})

test('a lease that is void records nothing, and neither does one of somebody else', async () => {
  await using h = harness()
  const caller = await h.client('caller')
  const refused: unknown[] = []
  const router = caller.remote<RouterApi & { note(...args: unknown[]): Promise<unknown> }>('waybill.Router')
  const note = (lease: string): Promise<unknown> =>
    router.note(lease, 'charge', 1, new Uint8Array([49])).then(
      () => 'noted',
      ({ code }: { code: string }) => code,
    )
  const first = await opened(h, 'first', async (charge, slow) => {
    const call = currentCall() as unknown as { lease: string; once: (key: string, run: () => unknown) => Promise<unknown> }
    refused.push(await note(call.lease))
    await slow()
    return call.once('late', charge).catch((error: unknown) => void refused.push(error))
  })
  const receipt = await h.until(caller.remote(shop).order.async('tea'))
  await h.advance(100)
  expect(refused).toEqual(['Forbidden'])
  await h.until(receipt.cancel())
  await h.advance(2000)
  expect(refused).toEqual(['Forbidden', expect.objectContaining({ code: 'Cancelled' })])
  expect(first.charged).toEqual([])
})

function placesOf(store: Store): unknown[] {
  const places: unknown[] = []
  store.places((place) => places.push(place))
  return places
}
