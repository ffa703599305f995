/** Where parcels go that are for nobody: edges between names, one receipt for all that a parcel went to, and what a start of the router leaves of it. */
import { harness, Paper, type Harness } from '@waybill/testkit'
import { expect, test } from 'vitest'

const me = { principal: 'local', digest: undefined }
const bytes = (text: string) => ({ head: { 'content-type': 'text/plain' }, bytes: new TextEncoder().encode(text) })
const textOf = (content: { bytes: Uint8Array } | undefined) => content && new TextDecoder().decode(content.bytes)
const never = new AbortController().signal

async function register(h: Harness, ...names: string[]): Promise<void> {
  for (const name of names) await h.until(h.router.parcels.register(me, { name, fields: {} }))
}

async function connected(h: Harness, ...edges: (readonly [string, string])[]): Promise<void> {
  for (const [from, to] of edges) await h.until(h.router.parcels.graph.connect('local', { from, to }))
}

async function sent(h: Harness, text = 'hello', from = 'walker', within?: string): Promise<string> {
  const { receipt } = await h.until(h.router.parcels.dispatch('local', { from, within }, bytes(text)))
  return receipt.sn
}

async function next(h: Harness, name: string) {
  return h.until(h.router.parcels.receive('local', name, 1000, 30_000, never))
}

async function answers(h: Harness, name: string, text = `${name} has it`): Promise<void> {
  const item = await next(h, name)
  await h.until(h.router.parcels.postback('local', item!.id, bytes(text)))
}

async function result(h: Harness, sn: string) {
  await h.until(h.router.parcels.outcomes.receipt('local', sn, 5000, never))
  return (await h.until(h.router.parcels.outcomes.outcome('local', sn)))!
}

async function leave(h: Harness): Promise<void> {
  for (const { name } of h.router.parcels.registered('local')) await h.until(h.router.parcels.unregister('local', name))
}

const code = (thrown: string) => expect.objectContaining({ code: thrown, executed: 'no' })

test('row 000-6: a parcel for nobody goes where the edge of its sender leads; without one that is said', async () => {
  await using h = harness()
  await register(h, 'walker', 'dog')
  await expect(sent(h)).rejects.toEqual(code('NoEdge'))
  await expect(h.until(h.router.parcels.dispatch('local', {}, bytes('')))).rejects.toEqual(code('NoEdge'))
  await expect(h.until(h.router.parcels.dispatch('local', { to: 'cat' }, bytes('')))).rejects.toEqual(code('NoSuchClient'))
  await connected(h, ['walker', 'dog'])
  const sn = await sent(h)
  expect(await next(h, 'dog')).toMatchObject({ kind: 'parcel', sn, from: 'walker' })
  await h.until(h.router.parcels.outcomes.cancel('local', sn))
  await h.until(h.router.parcels.graph.disconnect('local', { from: 'walker', to: 'dog' }))
  await expect(sent(h)).rejects.toEqual(code('NoEdge'))
  await leave(h)
})

test('edges are the principal’s own, bounded, and lead nowhere but to names', async () => {
  await using h = harness({ router: { limits: { maxEdges: 2 } } })
  await connected(h, ['b', 'a'], ['a', 'b'])
  expect(h.router.parcels.graph.edges('local')).toEqual([
    { from: 'a', to: 'b' },
    { from: 'b', to: 'a' },
  ])
  expect(h.router.parcels.graph.edges('other')).toEqual([])
  await connected(h, ['a', 'b'])
  await expect(h.router.parcels.graph.connect('local', { from: 'a', to: 'c' })).rejects.toEqual(code('Overloaded'))
  await expect(h.router.parcels.graph.connect('local', { from: 'a', to: 'a' })).rejects.toEqual(code('BadArguments'))
  await expect(h.router.parcels.graph.connect('local', { from: 'a', to: 'b"]' })).rejects.toEqual(code('BadAddress'))
  await expect(h.router.parcels.graph.disconnect('other', { from: 'a', to: 'b' })).rejects.toEqual(code('NoEdge'))
})

test('one receipt stands for all that a parcel went to, and ends with the last of them', async () => {
  await using h = harness()
  await register(h, 'walker', 'dog', 'cat')
  await connected(h, ['walker', 'dog'], ['walker', 'cat'])
  const sn = await sent(h)
  await answers(h, 'dog')
  expect(await h.until(h.router.parcels.outcomes.outcome('local', sn))).toBeUndefined()
  await answers(h, 'cat')
  const children = JSON.parse(textOf((await result(h, sn)).content)!) as { to: string; receipt_id: string; state: string }[]
  expect(children.map(({ to, state }) => [to, state])).toEqual([
    ['cat', 'succeeded'],
    ['dog', 'succeeded'],
  ])
  for (const { to, receipt_id: child } of children) {
    expect(await h.until(h.router.parcels.outcomes.receipt('local', child, 0, never))).toMatchObject({ parent: sn, client: 'walker' })
    expect(textOf((await result(h, child)).content)).toBe(`${to} has it`)
  }
  const told = await next(h, 'walker')
  expect(told).toMatchObject({ kind: 'result', sn })
  await leave(h)
})

test('what one of them did not do stands beside what the others did', async () => {
  await using h = harness()
  await register(h, 'walker', 'dog', 'cat')
  await connected(h, ['walker', 'dog'], ['walker', 'cat'])
  const sn = await sent(h)
  const item = await next(h, 'dog')
  await h.until(h.router.parcels.postback('local', item!.id, { code: 'RemoteException', message: 'it rains', executed: 'yes' }))
  await answers(h, 'cat')
  expect(JSON.parse(textOf((await result(h, sn)).content)!)).toMatchObject([
    { to: 'cat', state: 'succeeded' },
    { to: 'dog', state: 'failed' },
  ])
  await leave(h)
})

test('who cancels it cancels what it went to', async () => {
  await using h = harness()
  await register(h, 'walker', 'dog', 'cat')
  await connected(h, ['walker', 'dog'], ['walker', 'cat'])
  const sn = await sent(h)
  const item = await next(h, 'dog')
  await h.until(h.router.parcels.outcomes.cancel('local', sn))
  expect((await result(h, sn)).failure).toMatchObject({ code: 'Cancelled' })
  await h.advance(100)
  await expect(h.until(h.router.parcels.postback('local', item!.id, bytes('late')))).rejects.toMatchObject({ code: 'Expired' })
  expect(await next(h, 'cat')).toBeUndefined()
  await leave(h)
})

/** What a start of the router may come between. */
const steps = ['it is stored', 'some have it', 'one has answered', 'both have answered']

test.each(steps)('a router that is killed when %s sends nothing twice, and the receipt has its end', async (step) => {
  await using h = harness({ paper: new Paper() })
  await register(h, 'walker', 'dog', 'cat')
  await connected(h, ['walker', 'dog'], ['walker', 'cat'])
  const at = steps.indexOf(step)
  const sn = await sent(h)
  if (at >= 1) await h.advance(50)
  if (at >= 2) await answers(h, 'dog')
  if (at >= 3) await answers(h, 'cat')
  await h.restartRouter(10)
  await h.advance(50)
  if (at < 2) await answers(h, 'dog')
  if (at < 3) await answers(h, 'cat')
  expect(JSON.parse(textOf((await result(h, sn)).content)!)).toMatchObject([
    { to: 'cat', state: 'succeeded' },
    { to: 'dog', state: 'succeeded' },
  ])
  expect(await next(h, 'dog')).toBeUndefined()
  expect(await next(h, 'cat')).toBeUndefined()
  expect(h.router.parcels.graph.edges('local')).toHaveLength(2)
  await leave(h)
})

test('a circle is noticed where each says what it sends on', async () => {
  await using h = harness()
  await register(h, 'dog', 'cat')
  await connected(h, ['dog', 'cat'], ['cat', 'dog'])
  await sent(h, 'ball', 'dog')
  let names = ['cat', 'dog']
  const sends = async (): Promise<string> => {
    const item = await next(h, names[0]!)
    const sn = await sent(h, 'ball', names[0]!, item!.id)
    await h.until(h.router.parcels.postback('local', item!.id, bytes('passed on')))
    names = names.toReversed()
    return sn
  }
  for (let hops = 1; hops <= 16; hops++) {
    await sends()
    // What it was told of its own before is in the way.
    const outcome = await next(h, names[0] === 'dog' ? 'cat' : 'dog')
    if (outcome?.kind === 'result') await h.until(h.router.parcels.received('local', outcome.sn))
  }
  await expect(sends()).rejects.toEqual(code('HopLimit'))
  await expect(sent(h, 'ball', 'dog', '0'.repeat(44))).rejects.toEqual(code('NoSuchReceipt'))
  for (const { sn } of h.router.view.receipts({ principal: 'local' } as never, { limit: 100, fits: () => true }))
    await h.until(h.router.parcels.outcomes.cancel('local', sn))
  await leave(h)
})

test('nobody else is the router', async () => {
  await using h = harness()
  await register(h, 'walker')
  await expect(h.until(h.router.parcels.dispatch('local', { to: 'waybill-graph', ttlMs: 10 }, bytes('')))).rejects.toEqual(
    code('Forbidden'),
  )
  await expect(h.client('waybill-graph')).rejects.toEqual(code('Forbidden'))
  await expect(register(h, 'waybill-graph')).rejects.toEqual(code('Forbidden'))
  const client = await h.client('dog')
  const { service } = await import('@waybill/client')
  const graph = service<{ receive(): void }>('waybill.Graph@1.0.0', { receive: {} })
  await expect(h.until(client.expose(graph, { receive: () => {} }))).rejects.toEqual(code('Forbidden'))
  await leave(h)
})
