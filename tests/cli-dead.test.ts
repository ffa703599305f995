/** The verbs about what was not done and what waits: `dead`, `mailbox`, `store`; and the history of a receipt. All of it in this process. */
import { connect, service, type Client } from '@waybill/client'
import { createRouter, type RouterHandle } from '@waybill/server'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ran as runs } from './fixtures/commands.js'

interface Dog {
  fetch(what: string): string
}
const dog = service<Dog>('Dog@1.0.0', { fetch: {} })
const SN = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\n?$/

const folder = mkdtempSync(join(tmpdir(), 'waybill-cli-dead-'))
const data = join(folder, 'store')
let router: RouterHandle
let caller: Client
const ran = (...args: string[]): ReturnType<typeof runs> => runs(args, { WAYBILL_URL: router.url! })
const form = <T>({ stdout }: { readonly stdout: string }): T => JSON.parse(stdout) as T

beforeAll(async () => {
  router = await createRouter({ listen: { port: 0 }, data })
  caller = await connect(router.url!, { name: 'caller' })
})
afterAll(async () => {
  await caller.close({ drainMs: 0 })
  await router.close()
  rmSync(folder, { recursive: true })
})

/** One that nobody took in time. */
async function expired(what: string, options: object = {}): Promise<string> {
  const receipt = await caller
    .remote(dog)
    .fetch.with({ ttl: 30, ...options })
    .async(what)
  await receipt.result().catch(() => {})
  return receipt.sn
}

describe('waybill dead', () => {
  it('says so where there are none', async () => {
    expect(await ran('dead', 'list')).toMatchObject({ code: 0, stdout: '', stderr: 'The router has no dead letters of yours.\n' })
    expect(await ran('dead', 'list', '--json')).toMatchObject({ code: 0, stdout: '[]\n', stderr: '' })
    expect(await ran('dead', 'show', '018f3c1e-7a00-8dea-b6fb-bc0000000001')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/NoSuchReceipt: you have no dead letter/) as string,
    })
  })

  it('lists, shows, and tries again what fits, once', async () => {
    const sn = await expired('stick', { data: { n: 1 } })
    const other = await expired('ball', { data: { n: 2 } })
    const listed = await ran('dead', 'list', '--reason', 'expired')
    expect(listed.stdout).toMatch(/^RECEIPT +REASON +CALL +CLIENT +AGE\n/)
    expect(
      listed.stdout
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => line.split(/ +/).slice(0, 4)),
    ).toEqual([
      [other, 'expired', 'Dog.fetch', 'caller'],
      [sn, 'expired', 'Dog.fetch', 'caller'],
    ])
    const shown = await ran('dead', 'show', sn)
    expect(shown.stdout).toMatch(/^Dog\.fetch: expired, a dead letter \(expired\)\n/)
    expect(shown.stdout).toMatch(/^ {2}why {7}Expired: nobody took the call within its ttl$/m)
    expect(shown.stdout).toMatch(
      /^ {2}history {3}stored\n {12}expired, \d+ ms later\n {2}to do {5}nobody took it in time: have somebody offer/m,
    )
    expect(form(await ran('dead', 'show', sn, '--json'))).toMatchObject({
      sn,
      reason: 'expired',
      history: [{ step: 'stored' }, { step: 'expired' }],
    })

    const again = await ran('dead', 'redrive', '--match', '{"n":1}')
    expect(again.code).toBe(0)
    expect(again.stdout.trim()).toMatch(SN)
    // By its number it is the same one again.
    expect(form(await ran('dead', 'redrive', sn, '--json'))).toEqual({ redriven: [{ sn, as: again.stdout.trim() }], failed: [] })
    expect((await ran('dead', 'list')).stdout).toMatch(/AGAIN\n/)
    expect((await ran('dead', 'show', sn)).stdout).toMatch(new RegExp(`^ {2}again as {2}${again.stdout.trim()}$`, 'm'))
    expect((await ran('receipt', again.stdout.trim())).stdout).toMatch(new RegExp(`^ {2}try of {4}${sn}$`, 'm'))
    await caller.cancelReceipts({ state: 'pending' })
  })

  it('purges what fits, and wants to know what', async () => {
    const sn = await expired('bone', { key: 'bone' })
    expect(await ran('dead', 'purge')).toMatchObject({ code: 2, stderr: expect.stringMatching(/purge: say which/) as string })
    expect(await ran('dead', 'redrive', '--everyone', '--limit', '3')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/redrive: say which/) as string,
    })
    expect(await ran('dead', 'purge', sn, '--reason', 'expired')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/not both/) as string,
    })
    expect(await ran('dead', 'purge', '--key', 'bone')).toMatchObject({ code: 0, stdout: `${sn}\n` })
    expect(await ran('dead', 'redrive', sn)).toMatchObject({ code: 1, stderr: expect.stringMatching(/no dead letter/) as string })
    expect(form(await ran('dead', 'purge', '--reason', 'expired', '--json'))).toMatchObject({
      purged: expect.arrayContaining([expect.stringMatching(SN)]) as string[],
    })
  })

  it('does not show to one what is of others, without the right to', async () => {
    expect(await ran('dead', 'list', '--everyone')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/Forbidden: local may not see to the calls of others/) as string,
    })
  })
})

describe('waybill receipts', () => {
  it('finds a call by its key', async () => {
    const receipt = await caller.remote(dog).fetch.with({ ttl: '1h', key: 'order-7' }).async('tea')
    expect(form(await ran('receipts', '--key', 'order-7', '--state', 'stored', '--client', 'caller', '--json'))).toMatchObject([
      { sn: receipt.sn, key: 'order-7' },
    ])
    expect((await ran('receipts', '--key', 'order-7')).stdout).toMatch(/KEY.*\n.*order-7/)
    expect(form(await ran('receipts', '--key', 'order-8', '--json'))).toEqual([])
    const text = (await ran('receipt', receipt.sn)).stdout
    expect(text).toMatch(/^ {2}key {7}order-7$/m)
    expect(text).toMatch(/^ {2}expires {3}\S+Z, 59m from now$/m)
    await receipt.cancel()
  })
})

describe('waybill call --key', () => {
  it('is one call, however often it is typed', async () => {
    const typed = (): ReturnType<typeof ran> => ran('call', 'Dog.fetch', 'tea', '--key', 'typed', '--ttl', '1h', '--async')
    const first = await typed()
    expect(first).toMatchObject({ code: 0, stdout: expect.stringMatching(SN) as string })
    expect((await typed()).stdout).toBe(first.stdout)
    expect(await ran('call', 'Dog.fetch', 'coffee', '--key', 'typed', '--ttl', '1h', '--async')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/IdempotencyConflict/) as string,
    })
    await caller.cancelReceipts({ key: 'typed' })
  })
})

describe('waybill mailbox', () => {
  it('says what waits for whom, and for one client', async () => {
    expect(await ran('mailbox')).toMatchObject({ code: 0, stderr: 'Nothing waits for anybody who is away.\n' })
    const { fetch } = caller.remote(dog, { ttl: '1h' })
    await fetch.async('stick')
    await fetch.async('ball')
    await caller.remote(dog, { ttl: '1h', on: 'kennel' }).fetch.async('bone')
    const told = await caller.remote(dog).fetch.with({ ttl: 30 }).callback({ replyto: 'clerk' }, 'x')
    await told.result().catch(() => {})
    const all = form<object[]>(await ran('mailbox', '--json'))
    expect(all).toHaveLength(3)
    expect(all).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ waitsFor: 'Dog@^1.0.0', kind: 'calls', count: 2 }),
        expect.objectContaining({ waitsFor: 'kennel/Dog@^1.0.0', kind: 'calls', count: 1 }),
        expect.objectContaining({ waitsFor: 'clerk', kind: 'outcomes', count: 1, bytes: expect.any(Number) as number }),
      ]),
    )
    expect((await ran('mailbox')).stdout).toMatch(/^WAITS FOR +WHAT +COUNT +SIZE +OLDEST\nDog@\^1\.0\.0 +calls +2 +\d+ B +\ds\n/)
    expect(form(await ran('mailbox', 'kennel', '--json'))).toMatchObject([{ waitsFor: 'kennel/Dog@^1.0.0' }])
    expect(await ran('mailbox', 'nobody')).toMatchObject({ code: 0, stderr: 'Nothing waits for nobody.\n' })
    await caller.cancelReceipts({ state: 'pending' })
  })
})

describe('waybill store', () => {
  it('checks and copies a store while its router runs', async () => {
    const checked = await ran('store', 'check', data)
    expect(checked).toMatchObject({ code: 0, stderr: '' })
    expect(checked.stdout).toMatch(
      / is whole\.\n {2}size +\S+ (B|KiB)\n {2}records +\d+ in 1 segment, 0 in the snapshot\n {2}starts +1 so far\n/,
    )
    expect(form(await ran('store', 'check', data, '--json'))).toMatchObject({ epoch: 1, damaged: [] })
    const to = join(folder, 'copy')
    const copied = await ran('store', 'backup', data, to)
    expect(copied).toMatchObject({ code: 0, stderr: '' })
    expect(copied.stdout).toMatch(/copy has a copy of .*store: .* in 1 file, read back and whole\.\n$/)
    expect(statSync(to).mode & 0o777).toBe(0o700)
    expect(await ran('store', 'backup', data, to)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/a backup needs an empty folder\n$/) as string,
    })
    // It is a store that a router starts over.
    await using other = await createRouter({ listen: { port: 0 }, data: to })
    const client = await connect(other.url!)
    expect((await client.receipts()).length).toBe((await caller.receipts()).length)
    await client.close()
  })

  it('says what is damaged, and where there is none', async () => {
    const to = join(folder, 'damaged')
    await ran('store', 'backup', data, to)
    const segment = join(
      to,
      readdirSync(to).find((name) => name.endsWith('.log'))!,
    )
    const bytes = readFileSync(segment)
    bytes[Math.floor(bytes.byteLength / 2)]! ^= 1
    writeFileSync(segment, bytes)
    const checked = await ran('store', 'check', to)
    expect(checked.code).toBe(4)
    expect(checked.stdout).toMatch(/ is damaged in 1 place\.\n[^]* {2}damaged +the store is damaged: /)
    expect(form(await ran('store', 'check', to, '--json'))).toMatchObject({ damaged: [expect.stringMatching(/is not whole/)] })
    const none = join(folder, 'none')
    expect(await ran('store', 'check', none)).toMatchObject({ code: 1, stdout: '', stderr: `waybill: there is no store in ${none}\n` })
    expect(await ran('store', 'backup', none, join(folder, 'to'))).toMatchObject({ code: 1 })
    expect(existsSync(none)).toBe(false)
    expect(form(await ran('store', 'check', none, '--json'))).toMatchObject({ error: { code: 'BadArguments' } })
  })
})
