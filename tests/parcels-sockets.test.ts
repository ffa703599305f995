/** Parcels between those who come for them, clients with a connection, and JSON clients: whoever sends and whoever takes, the semantics are the same. */
import { dispatch, Parcel, receive, service, WaybillError } from '@waybill/client'
import { writeParcel } from '@waybill/core'
import type { RouterApi } from '@waybill/server'
import { harness, type Harness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'
import { parcelText } from '../packages/server/src/gateways/json-parcels.js'
import { JsonStage } from './json-stage.js'
import type { Json } from './json-peer.js'

const MIB = 1024 * 1024
const never = new AbortController().signal
const encoder = new TextEncoder()
/** What is no text, and what is no JSON although it says so. */
const odd = Uint8Array.of(0x00, 0xff, 0x10)
const lie = encoder.encode('{"not json')

interface Said {
  readonly type: string | undefined
  readonly bytes: Uint8Array
}
type Answer = Said | { readonly exval: string }
/** What became of a parcel, whoever tells it. */
type Outcome = Said | { readonly code: string; readonly message: string }

interface Sender {
  send(to: string, said: Said, more?: { readonly orderKey?: string; readonly key?: string }): Promise<string>
  outcome(sn: string): Promise<Outcome>
}
/** Undefined: it does nothing of it. */
type Take = (said: Said, attempt: number, from: string) => Answer | undefined

/** JSON clients that are connected. */
const stages = new Set<JsonStage>()

async function staged(h: Harness, name: string): Promise<JsonStage> {
  const stage = new JsonStage(h)
  stages.add(stage)
  stage.say({ hello: { version: 1, name } })
  await h.advance(1)
  return stage
}

/** Nobody of them is there any more. */
async function leave(h: Harness): Promise<void> {
  for (const stage of stages) stage.say({ goodbye: {} })
  stages.clear()
  for (const { name } of h.router.parcels.registered('local')) await h.until(h.router.parcels.unregister('local', name))
}

async function historyOf(h: Harness, sn: string): Promise<readonly string[]> {
  const client = await h.client()
  const { history } = await h.until(client.remote<RouterApi>('waybill.Router').receipt(sn))
  return history!.map(({ step }) => step)
}

const headOf = (type: string | undefined) => ({ ...(type !== undefined && { 'content-type': type }) })

// ---- who sends

async function httpSender(h: Harness): Promise<Sender> {
  await h.until(h.router.parcels.register({ principal: 'local', digest: undefined }, { name: 'sender', fields: {} }))
  return {
    async send(to, { type, bytes }, more = {}) {
      const sent = h.router.parcels.dispatch('local', { to, from: 'sender', ...more }, { head: headOf(type), bytes })
      return (await h.until(Promise.resolve(sent))).receipt.sn
    },
    async outcome(sn) {
      await h.until(h.router.parcels.outcomes.receipt('local', sn, 60_000, never))
      const { content, failure } = (await h.until(h.router.parcels.outcomes.outcome('local', sn)))!
      return content === undefined
        ? { code: failure.code, message: failure.message }
        : { type: content.head['content-type'], bytes: content.bytes }
    },
  }
}

async function socketSender(h: Harness): Promise<Sender> {
  const client = await h.client('sender')
  return {
    send: async (to, { type, bytes }, more = {}) => (await h.until(dispatch(client, to, new Parcel(bytes, headOf(type)), more))).sn,
    outcome: (sn) =>
      h.until(
        client
          .receipt<Parcel>(sn)
          .result()
          .then(
            ({ type, bytes }): Outcome => ({ type, bytes }),
            (thrown: unknown) => {
              const { code, message } = WaybillError.from(thrown)
              return { code, message }
            },
          ),
        60_000,
      ),
  }
}

async function jsonSender(h: Harness): Promise<Sender> {
  const stage = await staged(h, 'sender')
  let count = 0
  return {
    async send(to, said, { orderKey, key } = {}) {
      const n = ++count
      const request = { classname: 'waybill.Inbox', method: 'receive', parcel: parcelJson(said) }
      const more = { ...(orderKey !== undefined && { orderKey }), ...(key !== undefined && { key }) }
      stage.say({ n, routing: ['sender', to], replyto: 'sender', durable: true, ...more, request })
      await h.advance(50)
      const { minted: sn } = stage.said.find(({ re }) => re === n) as { minted: string }
      expect(stage.said.filter((one) => one['sn'] === sn)).toContainEqual(expect.objectContaining({ status: 'stored' }))
      return sn
    },
    async outcome(sn) {
      const isLast = (one: Json): boolean => one['sn'] === sn && ('result' in one || one['status'] === 'rejected')
      for (let at = 0; at < 1000 && !stage.said.some(isLast); at++) await h.advance(50)
      const { result, code, description } = stage.said.find(isLast) as { result?: Json; code: string; description: string }
      if (result === undefined) return { code, message: description }
      if ('parcel' in result) return saidOf(result['parcel'] as Json)
      return { code: (result['code'] as string | undefined) ?? 'RemoteException', message: String(result['exval']) }
    },
  }
}

/** As anybody would write it: text where it is some. */
function parcelJson({ type, bytes }: Said): Json {
  return { ...headOf(type), base64: Buffer.from(bytes).toString('base64') }
}

function saidOf(parcel: Json): Said {
  const { text, base64, 'content-type': type } = parcel as { text?: string; base64?: string; 'content-type'?: string }
  return { type, bytes: new Uint8Array(text === undefined ? Buffer.from(base64!, 'base64') : encoder.encode(text)) }
}

// ---- who takes

/** The function that is returned ends it as by SIGKILL. */
type Receiving = (h: Harness, take: Take) => Promise<() => Promise<void>>

const httpReceiver: Receiving = async (h, take) => {
  const { parcels } = h.router
  await h.until(parcels.register({ principal: 'local', digest: undefined }, { name: 'receiver', fields: {} }))
  const over = new AbortController()
  const loop = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const item = await parcels.receive('local', 'receiver', 60_000, 1000, over.signal)
      if (item === undefined || item.kind !== 'parcel') continue
      const answer = take({ type: item.head['content-type'], bytes: item.bytes }, item.attempt, item.from)
      if (answer === undefined) continue
      await parcels.received('local', item.id)
      const said =
        'exval' in answer
          ? { code: 'RemoteException', message: answer.exval, executed: 'yes' as const }
          : { head: headOf(answer.type), bytes: answer.bytes }
      await parcels.postback('local', item.id, said)
    }
  }
  // Its name is taken back at the end of the test, while it waits.
  loop().catch((thrown: unknown) => expect(thrown).toMatchObject({ code: 'NoSuchClient' }))
  return async () => {
    over.abort()
    await h.until(parcels.unregister('local', 'receiver'))
  }
}

const socketReceiver: Receiving = async (h, take) => {
  const client = await h.client('receiver', { onIncident: () => {} })
  await receive(client, (parcel, { attempt, caller }) => {
    const answer = take({ type: parcel.type, bytes: parcel.bytes }, attempt, caller.client)
    if (answer === undefined) return new Promise<never>(() => {})
    if ('exval' in answer) throw new Error(answer.exval)
    return new Parcel(answer.bytes, headOf(answer.type))
  })
  return () => Promise.resolve(h.kill(client))
}

const jsonReceiver: Receiving = async (h, take) => {
  const stage = await staged(h, 'receiver')
  stage.say({ register: { service: 'waybill.Inbox', methods: ['receive'], idempotent: ['receive'] } })
  stage.told = (said) => {
    if (!('request' in said)) return
    const { sn, request, attempt, routing } = said as { sn: string; request: Json; attempt?: number; routing: string[] }
    const answer = take(saidOf(request['parcel'] as Json), attempt ?? 1, routing[0]!)
    if (answer === undefined) return
    stage.say({ sn, status: 'accepted' })
    stage.say({ sn, status: 'started' })
    stage.say({ sn, result: 'exval' in answer ? { exval: answer.exval } : { parcel: parcelJson(answer) } })
  }
  await h.advance(50)
  return () => {
    stage.told = undefined
    stages.delete(stage)
    stage.door.closed({ reason: '' })
    return Promise.resolve()
  }
}

const senders = { HTTP: httpSender, 'a socket': socketSender, 'JSON text': jsonSender }
const receivers = { HTTP: httpReceiver, 'a socket': socketReceiver, 'JSON text': jsonReceiver }
const pairs = Object.keys(senders).flatMap((sender) => Object.keys(receivers).map((receiver) => ({ sender, receiver })))

describe.each(pairs)('row 000-7: a parcel from $sender to $receiver', ({ sender, receiver }) => {
  const begun = async (h: Harness, take: Take) => {
    const end = await receivers[receiver as keyof typeof receivers](h, take)
    return { from: await senders[sender as keyof typeof senders](h), end }
  }

  test('and its answer arrive as they were, and what happened is known', async () => {
    await using h = harness()
    const came: unknown[] = []
    const { from } = await begun(h, (said, attempt, who) => {
      came.push([said, attempt, who])
      return { type: 'application/x-bone', bytes: Uint8Array.from(said.bytes).toReversed() }
    })
    const sent = [odd, lie, new Uint8Array(0)]
    for (const bytes of sent) {
      const said = { type: 'application/json', bytes }
      const sn = await from.send('receiver', said)
      expect(await from.outcome(sn)).toEqual({ type: 'application/x-bone', bytes: bytes.toReversed() })
      expect(await historyOf(h, sn)).toEqual(['stored', 'handed', 'accepted', 'started', 'succeeded'])
    }
    expect(came).toEqual(sent.map((bytes) => [{ type: 'application/json', bytes }, 1, 'sender']))
    await leave(h)
  })

  test('ends with what its receiver says that went wrong', async () => {
    await using h = harness()
    const { from } = await begun(h, () => ({ exval: 'it rains' }))
    const sn = await from.send('receiver', { type: undefined, bytes: odd })
    expect(await from.outcome(sn)).toMatchObject({ code: 'RemoteException', message: expect.stringContaining('it rains') })
    await leave(h)
  })

  test('comes again where its receiver is lost with it', async () => {
    await using h = harness()
    const { from, end } = await begun(h, () => undefined)
    const sn = await from.send('receiver', { type: 'text/plain', bytes: odd })
    await h.advance(100)
    await end()
    const attempts: number[] = []
    await receivers[receiver as keyof typeof receivers](h, (said, attempt) => {
      attempts.push(attempt)
      return said
    })
    expect(await from.outcome(sn)).toEqual({ type: 'text/plain', bytes: odd })
    expect(attempts).toEqual([2])
    await leave(h)
  })

  test('with the same key is the same one; in an order, they keep it', async () => {
    await using h = harness()
    const came: number[] = []
    const { from } = await begun(h, (said) => {
      came.push(said.bytes[0]!)
      return said
    })
    const sns: string[] = []
    for (const n of [1, 2, 3, 3, 4])
      sns.push(await from.send('receiver', { type: undefined, bytes: Uint8Array.of(n) }, { orderKey: 'walk', key: `k${n}` }))
    for (const [index, n] of [1, 2, 3].entries()) expect(await from.outcome(sns[index]!)).toMatchObject({ bytes: Uint8Array.of(n) })
    expect(await from.outcome(sns[4]!)).toMatchObject({ bytes: Uint8Array.of(4) })
    expect(came).toEqual([1, 2, 3, 4])
    await leave(h)
  })
})

const textsOf = (receipt: { result(): Promise<Parcel | undefined> }) => receipt.result().then((parcel) => [parcel?.type, parcel?.text()])

describe('a client with a connection', () => {
  test('sends and answers with texts, bytes, values, and nothing', async () => {
    await using h = harness()
    const walker = await h.client('walker')
    const kennel = await h.client('kennel')
    const answers = ['wau', Uint8Array.of(0x41), { tail: 'wags' }, [1], null, undefined]
    await receive(kennel, (parcel) => answers[Number(parcel.text())])
    const said: unknown[] = []
    for (const index of answers.keys()) said.push(await h.until(textsOf(await h.until(dispatch(walker, 'kennel', String(index))))))
    expect(said).toEqual([
      ['text/plain; charset=utf-8', 'wau'],
      ['application/octet-stream', 'A'],
      ['application/json', '{"tail":"wags"}'],
      ['application/json', '[1]'],
      ['application/json', 'null'],
      [undefined, undefined],
    ])
    await expect(dispatch(walker, 'kennel', undefined as never)).rejects.toMatchObject({ code: 'BadArguments', executed: 'no' })
  })

  test('takes so many at once as it says, until it takes that back', async () => {
    await using h = harness()
    const walker = await h.client('walker')
    const kennel = await h.client('kennel')
    const open: (() => void)[] = []
    const inbox = await receive(kennel, () => new Promise<void>((resolve) => void open.push(resolve)), { concurrency: 2 })
    const receipts = await h.until(Promise.all([1, 2, 3].map((n) => dispatch(walker, 'kennel', n))))
    await h.advance(100)
    expect(open).toHaveLength(2)
    for (const end of open.splice(0)) end()
    await h.advance(100)
    expect(open).toHaveLength(1)
    await h.until(inbox.withdraw())
    open[0]!()
    await h.until(Promise.all(receipts.map((receipt) => receipt.result())))
    const late = await h.until(dispatch(walker, 'kennel', 4, { ttl: 1000 }))
    await expect(h.until(late.result())).rejects.toMatchObject({ code: 'Expired', executed: 'no' })
  })

  test('is told what becomes of what others sent for it', async () => {
    await using h = harness()
    const walker = await h.client('walker')
    const owner = await h.client('owner')
    const told: unknown[] = []
    owner.onPostback({ result: (value) => told.push((value as Parcel).text()) })
    await receive(await h.client('kennel'), (parcel, { data }) => `${parcel.text()} ${String(data)}`)
    await h.until(dispatch(walker, 'kennel', 'ball', { replyto: 'owner', data: 'red' }))
    await h.advance(1000)
    expect(told).toEqual(['ball red'])
  })

  test.each(Object.keys(receivers))('parcels of more than a frame go to %s and back', async (receiver) => {
    await using h = harness()
    const big = new Uint8Array(3 * MIB).fill(0xff)
    await receivers[receiver as keyof typeof receivers](h, (said) => ({
      ...said,
      bytes: receiver === 'a socket' ? said.bytes : said.bytes.subarray(0, 500_000),
    }))
    const from = await socketSender(h)
    const outcome = await from.outcome(await from.send('receiver', { type: 'image/x-bone', bytes: big }))
    const size = 'bytes' in outcome ? outcome.bytes.byteLength : 0
    expect(size).toBe(receiver === 'a socket' ? 3 * MIB : 500_000)
    await leave(h)
  })

  test('refuses what its connection cannot bring, before it begins', async () => {
    await using h = harness()
    const taken: unknown[] = []
    await receive(await h.client('kennel'), (parcel) => void taken.push(parcel))
    const head = { 'content-type': 'video/x-tape', 'content-length': '4000000000' }
    const { receipt } = await h.until(h.router.parcels.dispatch('local', { to: 'kennel' }, { head, bytes: new Uint8Array(0) }))
    await h.until(h.router.parcels.outcomes.receipt('local', receipt.sn, 60_000, never))
    const { failure } = (await h.until(h.router.parcels.outcomes.outcome('local', receipt.sn)))!
    expect(failure).toMatchObject({ code: 'TooLarge', executed: 'no', message: expect.stringContaining('4000000000 bytes') })
    expect(taken).toEqual([])
  })

  test('is told where an answer is that its connection cannot bring', async () => {
    await using h = harness()
    await h.until(h.router.parcels.register({ principal: 'local', digest: undefined }, { name: 'dog', fields: {} }))
    const walker = await h.client('walker')
    const receipt = await h.until(dispatch(walker, 'dog', 'ball'))
    const item = await h.until(h.router.parcels.receive('local', 'dog', 1000, 1000, never))
    const head = { 'content-length': '4000000000' }
    await h.until(h.router.parcels.postback('local', item!.id, { head, bytes: new Uint8Array(0) }))
    const told = { code: 'TooLarge', executed: 'yes', message: expect.stringContaining('read over HTTP') }
    await expect(h.until(receipt.result())).rejects.toMatchObject(told)
    expect(() => parcelText(writeParcel({ head, bytes: new Uint8Array(0) }), 'yes')).toThrow(expect.objectContaining(told))
    await leave(h)
  })

  test('a class takes and gives parcels like any other value', async () => {
    await using h = harness()
    interface Lab {
      develop(film: Parcel): Parcel
    }
    const lab = service<Lab>('Lab@1.0.0', { develop: {} })
    await (
      await h.client('lab')
    ).expose(lab, {
      develop: ({ bytes, type }) => new Parcel(bytes.toReversed(), { 'content-type': `${type}+developed` }),
    })
    const stage = await staged(h, 'walker')
    const request = { classname: 'Lab', method: 'develop', parcel: { 'content-type': 'image/x-film', base64: 'AP8Q' } }
    stage.say({ replyto: 'walker', statuses: false, request })
    await h.advance(50)
    expect(stage.take('result')).toMatchObject([{ result: { parcel: { 'content-type': 'image/x-film+developed', base64: 'EP8A' } } }])
    const { bytes, type } = await h.until((await h.client()).remote(lab).develop(new Parcel(odd, { 'content-type': 'image/x-film' })))
    expect([type, [...bytes]]).toEqual(['image/x-film+developed', [0x10, 0xff, 0x00]])
    await leave(h)
  })
})

describe('a JSON client', () => {
  const inbox = { classname: 'waybill.Inbox', method: 'receive' }

  test('hears text where the bytes are UTF-8, a byte order mark included, and Base64 otherwise', async () => {
    await using h = harness()
    const walker = await h.client('walker')
    const stage = await staged(h, 'kennel')
    stage.say({ register: { service: 'waybill.Inbox', methods: ['receive'] } })
    await h.advance(50)
    const bom = Uint8Array.of(0xef, 0xbb, 0xbf, 0x41)
    for (const bytes of [encoder.encode('wäu'), bom, odd]) await h.until(dispatch(walker, 'kennel', new Parcel(bytes)))
    await h.advance(50)
    const requests = stage.take('request')
    expect(requests.map(({ request }) => request)).toEqual(
      [{ text: 'wäu' }, { text: '\ufeffA' }, { base64: 'AP8Q' }].map((parcel) => ({ ...inbox, parcel })),
    )
    for (const { sn } of requests) stage.say({ sn, result: { parcel: { text: '' } } })
    await h.advance(50)
    await leave(h)
  })

  test.each([
    ['both', { parcel: { text: 'a', base64: 'YQ==' } }],
    ['neither', { parcel: {} }],
    ['what is no Base64', { parcel: { base64: '*' } }],
    ['arguments beside it', { parcel: { text: 'a' }, args: [] }],
    ['a head that no parcel has', { parcel: { text: 'a', 'x-colour': 'red' } }],
    ['a head that is no text', { parcel: { text: 'a', 'content-type': 7 } }],
    ['no object', { parcel: 'a' }],
  ])('is refused with %s', async (_what, parcel) => {
    await using h = harness()
    const stage = await staged(h, 'walker')
    stage.say({ durable: true, replyto: 'walker', request: { ...inbox, ...parcel } })
    await h.advance(50)
    expect(stage.said.filter((one) => one['status'] === 'rejected' || 'goodbye' in one)).toHaveLength(1)
    expect((await h.until((await h.client()).receipts())).length).toBe(0)
    await leave(h)
  })

  test('whose result is no parcel hears so, and can still answer', async () => {
    await using h = harness()
    const stage = await staged(h, 'kennel')
    stage.say({ register: { service: 'waybill.Inbox', methods: ['receive'] } })
    await h.advance(50)
    const receipt = await h.until(dispatch(await h.client('walker'), 'kennel', 'ball'))
    await h.advance(50)
    const { sn } = stage.take('request')[0]!
    stage.say({ sn, result: { parcel: { text: 'a', 'x-colour': 'red' } } })
    await h.advance(50)
    expect(stage.take('code')).toMatchObject([{ sn, status: 'rejected', code: 'BadArguments' }])
    stage.say({ sn, result: { parcel: { text: 'a' } } })
    expect(await h.until(textsOf(receipt))).toEqual([undefined, 'a'])
    await leave(h)
  })
})
