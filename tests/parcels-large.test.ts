/** Parcels that are too many bytes for a frame, over real HTTP: they go to the disk as they come and to their reader as he takes them. */
import { createRouter, type RouterHandle } from '@waybill/server'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, expect, test } from 'vitest'

const MIB = 1024 * 1024
let folder = ''
let router: RouterHandle
let base = ''

async function started(limits = {}): Promise<void> {
  if (folder === '') folder = mkdtempSync(join(tmpdir(), 'waybill-large-'))
  router = await createRouter({ listen: { port: 0 }, data: folder, limits })
  base = `http://127.0.0.1:${router.port}`
}

afterEach(async () => {
  await router.close()
  rmSync(folder, { recursive: true, force: true })
  folder = ''
})

/** Some megabytes that compress to nothing and are like no others. */
function* pieces(megabytes: number): Generator<Uint8Array<ArrayBuffer>> {
  for (let piece = 0; piece < megabytes * 4; piece++) yield new Uint8Array(MIB / 4).map((_, at) => (at * 31 + piece * 7) & 0xff)
}

const digestOf = async (chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>) => {
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of chunks) {
    hash.update(chunk)
    size += chunk.byteLength
  }
  return { size, digest: hash.digest('hex') }
}

const post = (path: string, body?: BodyInit, headers: Record<string, string> = {}) =>
  fetch(`${base}${path}`, { method: 'POST', headers, ...(body !== undefined && { body, duplex: 'half' }) } as RequestInit)
const streamed = (megabytes: number) => Readable.toWeb(Readable.from(pieces(megabytes))) as BodyInit
const json = async (response: Response) => (await response.json()) as Record<string, string>
/** Files of at least a megabyte that are no part of the log. */
const large = () => readdirSync(folder).filter((name) => !name.endsWith('.log') && statSync(join(folder, name)).size >= MIB)

test('a parcel and its answer of many megabytes arrive as they were, also after a start of the router between', async () => {
  await started()
  await post('/register', '{"name":"dog"}')
  await post('/register', '{"name":"walker"}')
  const sent = await digestOf(pieces(4))
  const dispatched = await post('/dispatch/dog', streamed(4), { 'content-type': 'application/x-tape', 'waybill-from': 'walker' })
  expect(dispatched.status).toBe(200)
  const { receipt_id: sn } = await json(dispatched)
  await router.close()
  await started()
  const given = await fetch(`${base}/receive?name=dog`)
  expect(given.headers.get('content-type')).toBe('application/x-tape')
  expect(given.headers.get('content-length')).toBe(String(sent.size))
  expect(await digestOf(given.body!)).toEqual(sent)
  const postback = new URL(given.headers.get('waybill-postback')!).pathname
  const answer = await digestOf(pieces(3))
  expect((await post(postback, streamed(3), { 'content-type': 'application/x-reel' })).status).toBe(200)
  await router.close()
  await started()
  for (const path of [`/receipts/${sn}/result`, '/receive?name=walker']) {
    const result = await fetch(`${base}${path}`)
    expect(result.headers.get('content-type')).toBe('application/x-reel')
    expect(await digestOf(result.body!)).toEqual(answer)
  }
})

test('what breaks off, or is for nobody, leaves nothing', async () => {
  await started()
  await post('/register', '{"name":"dog"}')
  const broken = request(`${base}/dispatch/dog`, { method: 'POST', headers: { 'content-length': String(64 * MIB) } })
  broken.on('error', () => {})
  for (const piece of pieces(3)) broken.write(piece)
  await expect.poll(() => large().length).toBe(1)
  broken.destroy()
  await expect.poll(() => large().length).toBe(0)
  const refused = await post('/dispatch/cat', streamed(3))
  expect([refused.status, (await json(refused))['code']]).toEqual([404, 'NoSuchClient'])
  expect(large()).toEqual([])
  expect((await fetch(`${base}/receive?name=dog&wait=0`)).status).toBe(204)
})

test('a second answer is refused, however large', async () => {
  await started()
  await post('/register', '{"name":"dog"}')
  await post('/dispatch/dog', 'ball')
  const given = await fetch(`${base}/receive?name=dog`)
  const postback = new URL(given.headers.get('waybill-postback')!).pathname
  const answers = await Promise.all([post(postback, streamed(4)), post(postback, streamed(4))])
  expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409])
})

test('a key knows a large parcel again', async () => {
  await started()
  await post('/register', '{"name":"dog"}')
  const headers = { 'idempotency-key': 'tape-7' }
  const first = await json(await post('/dispatch/dog', streamed(2), headers))
  const again = await json(await post('/dispatch/dog', streamed(2), headers))
  expect(again).toEqual({ status: 'received', receipt_id: first['receipt_id'], duplicate: true })
  expect((await post('/dispatch/dog', streamed(3), headers)).status).toBe(409)
  // As long, and not the same.
  const other = Buffer.concat([...pieces(2)])
  other[1_500_000]! ^= 1
  expect((await post('/dispatch/dog', other, headers)).status).toBe(409)
})

test('one that goes to several has to fit in a frame', async () => {
  await started()
  for (const name of ['walker', 'dog', 'cat']) await post('/register', JSON.stringify({ name }))
  for (const to of ['dog', 'cat']) await post('/graph', JSON.stringify({ from: 'walker', to }))
  const { receipt_id: sn } = await json(await post('/dispatch', streamed(2), { 'waybill-from': 'walker' }))
  const result = await fetch(`${base}/receipts/${sn}/result?wait=5`)
  expect([result.status, (await json(result))['code']]).toEqual([413, 'TooLarge'])
})
