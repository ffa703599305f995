/** Rows of docs/rows.md about what is kept when processes end, as by `kill -9`. Each test is named after its row. Some of them run what is built. */
import { connect, currentCall, service, type Client } from '@waybill/client'
import { harness, Paper, type Harness } from '@waybill/testkit'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import { endChildren, startNode, startRouter, type Child, type RunningRouter } from './fixtures/children.js'

interface Job {
  note(text: string): Promise<string>
  slow(text: string, ms: number): Promise<string>
}
const job = service<Job>('Job@1.0.0', { note: {}, slow: { idempotent: true } })

const folder = mkdtempSync(join(tmpdir(), 'waybill-rows-'))
afterAll(async () => {
  await endChildren()
  rmSync(folder, { recursive: true })
})

/** The router with this folder; killed, another one takes its place. */
const started = (data: string): Promise<RunningRouter> => startRouter(['--data', join(folder, data)])
async function killed({ child }: { readonly child: Child }): Promise<void> {
  child.kill('SIGKILL')
  await child.ended
}
async function worker({ url }: RunningRouter, log: string, name = 'worker'): Promise<Child> {
  const child = startNode('tests/fixtures/job-worker.mjs', [], { WAYBILL_URL: url, LOG: join(folder, log), NAME: name })
  await child.prints(/^ready/m)
  return child
}
function linesOf(log: string): string[] {
  const file = join(folder, log)
  return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : []
}

/** The same in one process, on virtual time. */
async function crew(h: Harness, name = 'crew'): Promise<{ client: Client; ran: string[] }> {
  const client = await h.client(name, { onIncident: () => {} })
  const ran: string[] = []
  await h.until(
    client.expose(job, {
      note: async (text) => {
        ran.push(text)
        return text
      },
      slow: async (text, ms) => {
        const { signal } = currentCall()
        ran.push(`begin ${text}`)
        await h.processOf(client).sleep(ms)
        signal.throwIfAborted()
        ran.push(`end ${text}`)
        return text
      },
    }),
  )
  return { client, ran }
}

function failed(promise: Promise<unknown>): Promise<{ code: string; executed: string }> {
  return promise.then(
    (value) => Promise.reject(new Error(`it gave ${JSON.stringify(value)}`)),
    (error: { code: string; executed: string }) => error,
  )
}

test('row 000-9: an outcome that finds its caller gone is kept, and fetched by number by another process, until its time is over', async () => {
  await using h = harness({ paper: new Paper(), router: { limits: { receiptRetentionMs: 60_000 } } })
  const { client } = await crew(h)
  const caller = await h.client('caller')
  const { sn } = await h.until(caller.remote(job).slow.async('report', 5000))
  h.kill(caller)
  await h.advance(6000)
  h.kill(client)
  await h.restartRouter(1000)
  const other = await h.client('other')
  expect(await h.until(other.receipt(sn).result())).toBe('report')
  expect(await h.until(other.receipt(sn).result())).toBe('report')
  await h.advance(60_000)
  expect(await failed(h.until(other.receipt(sn).result()))).toMatchObject({ code: 'NoSuchReceipt' })
})

test(
  'row 002-5: what nobody is there for is stored, and given in order to who comes, though the router was killed meanwhile',
  { timeout: 60_000 },
  async () => {
    const texts = Array.from({ length: 50 }, (_, index) => `note ${index}`)
    const first = await started('order')
    const caller = await connect(first.url, { name: 'caller' })
    const remote = caller.remote(job, { ttl: '1h' })
    const receipts = []
    for (const text of texts.slice(0, 30)) receipts.push(await remote.note.async(text))
    // In one flight as well: they are stored as they were made.
    receipts.push(...(await Promise.all(texts.slice(30).map((text) => remote.note.async(text)))))
    expect(receipts.map(({ durability }) => durability)).toEqual(texts.map(() => 'disk'))
    await caller.close({ drainMs: 0 })
    await killed(first)

    const second = await started('order')
    const late = await worker(second, 'order.log')
    await vi.waitFor(() => expect(linesOf('order.log')).toHaveLength(texts.length), 30_000)
    expect(linesOf('order.log')).toEqual(texts)
    const other = await connect(second.url)
    expect(await other.receipt(receipts[49]!.sn).result()).toBe('note 49')
    await other.close()
    late.kill('SIGTERM')
    await killed(second)
  },
)

test('row 002-6: a time is set for each call and bounded by the router; who made the call is told that it is over, also where the router was down', async () => {
  await using h = harness({ paper: new Paper(), router: { limits: { maxDeadlineMs: 60_000 } } })
  const caller = await h.client('caller')
  const { note } = caller.remote(job, { ttl: '10s' })
  const [usual, own, bounded] = await h.until(
    Promise.all([note.async('usual'), note.with({ ttl: '30s' }).async('own'), note.with({ ttl: '10d' }).async('bounded')]),
  )
  await h.restartRouter(15_000)
  expect(await failed(h.until(usual!.result()))).toMatchObject({ code: 'Expired', executed: 'no' })
  expect(await h.until(caller.receipts({ state: 'pending' }))).toHaveLength(2)
  await h.advance(15_000)
  expect(await failed(h.until(own!.result()))).toMatchObject({ code: 'Expired', executed: 'no' })
  await h.advance(30_000)
  expect(await failed(h.until(bounded!.result()))).toMatchObject({ code: 'Expired', executed: 'no' })
  expect(await h.until(caller.deadLetters({ reason: 'expired' }))).toHaveLength(3)
  // Nobody gets any of it now.
  const { ran } = await crew(h)
  await h.advance(1000)
  expect(ran).toEqual([])
})

test('row 004-7: what nobody has taken within its ttl never runs, also where that ended while the router was down', async () => {
  await using h = harness({ paper: new Paper() })
  const caller = await h.client('caller')
  const over = await h.until(caller.remote(job, { ttl: '10s' }).note.async('over'))
  const still = await h.until(caller.remote(job, { ttl: '10m' }).note.async('still'))
  h.kill(caller)
  await h.restartRouter(60_000)
  const { ran } = await crew(h)
  const other = await h.client('other')
  expect(await h.until(other.receipt(still.sn).result())).toBe('still')
  expect(await failed(h.until(other.receipt(over.sn).result()))).toMatchObject({ code: 'Expired', executed: 'no' })
  expect(ran).toEqual(['still'])
})

test(
  'row 004-11: what was accepted is done though who accepted it is killed, and the router too; what has ended is not done again',
  { timeout: 60_000 },
  async () => {
    const first = await started('pending')
    const begun = await worker(first, 'pending.log', 'first')
    const caller = await connect(first.url, { name: 'caller' })
    const { sn } = await caller.remote(job, { ttl: '1h' }).slow.async('job', 300_000)
    await vi.waitFor(() => expect(linesOf('pending.log')).toEqual(['begin job 1']), 10_000)
    await vi.waitFor(async () => expect((await caller.receipts({ sn }))[0]!.state).toBe('started'), 10_000)
    await caller.close({ drainMs: 0 })
    begun.kill('SIGKILL')
    await killed(first)

    // A process of the same name says by that that the one before is dead.
    const second = await started('pending')
    const again = await worker(second, 'pending.log', 'first')
    await vi.waitFor(() => expect(linesOf('pending.log')).toEqual(['begin job 1', 'begin job 2']), 10_000)
    const other = await connect(second.url)
    expect((await other.receipts({ sn }))[0]).toMatchObject({ state: 'started', attempts: 1, callee: 'first' })
    // This one was asked to do something else meanwhile, and ends it.
    expect(await (await other.remote(job).slow.async('other', 10)).result()).toBe('other by first')
    await other.close()
    again.kill('SIGKILL')
    await again.ended
    await killed(second)

    const third = await started('pending')
    await worker(third, 'pending.log', 'first')
    await vi.waitFor(() => expect(linesOf('pending.log').at(-1)).toBe('begin job 3'), 10_000)
    expect(linesOf('pending.log').filter((line) => line.includes('other'))).toEqual(['begin other 1', 'end other 1'])
    await killed(third)
  },
)

test('row 004-12: a cancel outlives the router, for what waits and for what runs, and each has its last word', async () => {
  await using h = harness({ paper: new Paper() })
  const caller = await h.client('caller')
  const { slow } = caller.remote(job, { ttl: '1h' })
  const waiting = await h.until(slow.with({ data: { group: 1 } }).async('waiting', 1000))
  expect(await h.until(caller.cancelReceipts({ data: { match: { group: 1 } } }))).toEqual([waiting.sn])
  const { ran } = await crew(h)
  const running = await h.until(slow.with({ key: 'mine' }).async('running', 10_000))
  await h.advance(1000)
  expect(await h.until(caller.cancelReceipts({ key: 'mine' }))).toEqual([running.sn])
  await h.restartRouter(1000)
  await h.advance(20_000)
  expect(ran).toEqual(['begin running'])
  const other = await h.client('other')
  expect(await h.until(other.receipts({ state: 'cancelled' }))).toMatchObject([{ sn: running.sn }, { sn: waiting.sn }])
  expect(await failed(h.until(other.receipt(waiting.sn).result()))).toMatchObject({ code: 'Cancelled', executed: 'no' })
  expect(await failed(h.until(other.receipt(running.sn).result()))).toMatchObject({ code: 'Cancelled', executed: 'maybe' })
})
