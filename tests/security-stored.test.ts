/** Who may have what is kept: receipts and leases are their principal's, and the files the router's own. Titles begin with the row in docs/rows.md. */
import { connect, currentCall, service, type Client } from '@waybill/client'
import { createRouter, type RouterApi } from '@waybill/server'
import { harness, Paper, type Harness } from '@waybill/testkit'
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { ran } from './fixtures/commands.js'

interface Dog {
  fetch(what: string): Promise<unknown>
}
const dog = service<Dog>('Dog@1.0.0', { fetch: { idempotent: true } })
const tokens = { alice: 'a', bob: 'b' }
const UNKNOWN = '018f3c1e-7a00-8dea-b6fb-bc0000000001'

const folder = mkdtempSync(join(tmpdir(), 'waybill-security-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** What an attempt is answered with, and how long that is: the same for what is somebody else's as for what is not there. */
async function answer(h: Harness, promise: Promise<unknown>): Promise<unknown> {
  return h.until(
    promise.then(
      (value) => value,
      ({ code, message }: { code: string; message: string }) => `${code}: ${message}`,
    ),
  )
}

test('row 15: the number of a receipt opens nothing to another principal, and does not even say whether it is there', async () => {
  await using h = harness({ paper: new Paper(), router: { tokens } })
  const [alice, bob] = [await h.client('alice', { token: 'a' }), await h.client('bob', { token: 'b' })]
  const kept = await h.until(alice.remote(dog).fetch.with({ ttl: '1h', key: 'k' }).async('secret'))
  const dead = await h.until(alice.remote(dog).fetch.with({ ttl: '1s' }).async('secret'))
  await h.advance(1100)
  const router = bob.remote<RouterApi>('waybill.Router')
  const attempts: ((sn: string) => Promise<unknown>)[] = [
    (sn) => bob.receipt(sn).result(),
    (sn) => router.receipt(sn),
    (sn) => bob.receipts({ sn }),
    (sn) => bob.cancelReceipts({ sn }),
    (sn) => bob.deadLetters({ sn }),
    (sn) => bob.redrive(sn),
    (sn) => bob.purge({ sn }),
  ]
  for (const [index, attempt] of attempts.entries()) {
    const [known, gone, unknown] = [await answer(h, attempt(kept.sn)), await answer(h, attempt(dead.sn)), await answer(h, attempt(UNKNOWN))]
    const same = JSON.stringify(unknown).replaceAll(UNKNOWN, '')
    expect(JSON.stringify(known).replaceAll(kept.sn, ''), `attempt ${index}`).toBe(same)
    expect(JSON.stringify(gone).replaceAll(dead.sn, ''), `attempt ${index}`).toBe(same)
  }
  expect(await h.until(bob.receipts())).toEqual([])
  expect(await h.until(router.mailbox())).toEqual([])
  // A key is one among those of a principal.
  const other = await h.until(bob.remote(dog).fetch.with({ ttl: '1h', key: 'k' }).async('mine'))
  expect(other.duplicate).toBe(false)
  expect(await h.until(alice.receipts({ state: 'stored' }))).toMatchObject([{ sn: kept.sn }])
  for (const client of [alice, bob]) await h.until(client.cancelReceipts({ state: 'pending' }))
})

test('row 15: a lease that somebody has seen is good for the process that it was given to, and for nobody else', async () => {
  await using h = harness({ router: { tokens } })
  const [alice, bob] = [await h.client('alice', { token: 'a' }), await h.client('bob', { token: 'b' })]
  const worker = await h.client('worker', { token: 'b' })
  let lease = ''
  const fetch = async (): Promise<unknown> => {
    lease = (currentCall() as unknown as { lease: string }).lease
    const paid = await currentCall().once('payment', () => 'paid')
    await h.processOf(worker).sleep(1000)
    return paid
  }
  await h.until(worker.expose(dog, { fetch }))
  const receipt = await h.until(alice.remote(dog).fetch.async('stick'))
  await h.advance(100)
  expect(lease).toMatch(/^[0-9a-f-]{36}$/)
  const stolen = (thief: Client): Promise<unknown> =>
    answer(h, thief.remote<RouterApi & { noted(lease: string, key: string): Promise<unknown> }>('waybill.Router').noted(lease, 'payment'))
  for (const thief of [alice, bob]) expect(await stolen(thief)).toMatch(/^Forbidden: the lease is void/)
  expect(await h.until(receipt.result())).toBe('paid')
  expect(await stolen(worker)).toMatch(/^Forbidden/)
})

const refused: readonly { readonly what: string; readonly lay: (at: string) => void; readonly says: RegExp }[] = [
  {
    what: 'a link',
    lay: (at) => {
      mkdirSync(`${at}-real`, { mode: 0o700 })
      symlinkSync(`${at}-real`, at)
    },
    says: /symbolic link/,
  },
  {
    what: 'open to others',
    lay: (at) => {
      mkdirSync(at)
      chmodSync(at, 0o755)
    },
    says: /chmod 700/,
  },
  { what: 'a file', lay: (at) => writeFileSync(at, ''), says: /is not a folder|not a directory/ },
]

test.each(refused)('row 26: a folder that is $what is refused, and nothing is written', async ({ what, lay, says }) => {
  const at = join(folder, what.replaceAll(' ', '-'))
  lay(at)
  await expect(createRouter({ listen: false, data: at })).rejects.toMatchObject({
    code: 'Forbidden',
    message: expect.stringMatching(says) as string,
  })
  expect(await ran(['start', '--port', '0', '--data', at], {})).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringMatching(says) as string,
  })
  expect(lstatSync(at).isDirectory() ? readdirSync(at) : []).toEqual([])
})

test('row 26: the files of a store, and of a copy of it, are nobody else’s to read, whatever the process lets others do', async () => {
  const before = process.umask(0)
  try {
    const [data, copy] = [join(folder, 'store'), join(folder, 'copy')]
    {
      await using router = await createRouter({ listen: false, data })
      await using client = await connect('memory:', { transport: router.transport })
      await client.remote(dog).fetch.with({ ttl: '1h' }).async('x'.repeat(100_000))
      expect(await ran(['store', 'backup', data, copy], {})).toMatchObject({ code: 0 })
    }
    for (const at of [data, copy]) {
      expect(lstatSync(at).mode & 0o777, at).toBe(0o700)
      const names = readdirSync(at)
      expect(names).toContain('store')
      for (const name of names) expect(lstatSync(join(at, name)).mode & 0o777, join(at, name)).toBe(0o600)
    }
  } finally {
    process.umask(before)
  }
})
