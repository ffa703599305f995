/** The verbs about parcels: `dispatch` and `graph`. All of it in this process. */
import { connect, Parcel, receive, type Client } from '@waybill/client'
import { createRouter, type RouterHandle } from '@waybill/server'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { begins, ran as runs } from './fixtures/commands.js'

const folder = mkdtempSync(join(tmpdir(), 'waybill-cli-parcels-'))
const odd = Uint8Array.of(0x00, 0xff, 0x10)
let router: RouterHandle
let kennel: Client
const ran = (...args: string[]): ReturnType<typeof runs> => runs(args, { WAYBILL_URL: router.url! })

beforeAll(async () => {
  router = await createRouter({ listen: { port: 0 } })
  kennel = await connect(router.url!, { name: 'kennel', onIncident: () => {} })
  await receive(kennel, (parcel) => {
    if (parcel.bytes.byteLength === 0) throw new RangeError('it is empty')
    return new Parcel(parcel.bytes.toReversed(), parcel.head)
  })
})
afterAll(async () => {
  await kennel.close({ drainMs: 0 })
  await router.close()
  rmSync(folder, { recursive: true })
})

test('a parcel is stored, and its receipt says what became of it', async () => {
  const { code, stdout } = await ran('dispatch', 'kennel', 'stick', '--key', 'k-1')
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^[0-9a-f-]{36}\n$/)])
  expect((await ran('dispatch', 'kennel', 'stick', '--key', 'k-1', '--json')).stdout).toBe(`{"receipt":"${stdout.trim()}"}\n`)
  expect(await ran('receipt', stdout.trim(), '--follow')).toMatchObject({ code: 0, stdout: 'kcits' })
  const answer = { 'content-type': 'text/plain; charset=utf-8', text: 'kcits' }
  expect(JSON.parse((await ran('receipt', stdout.trim(), '--json')).stdout)).toMatchObject({ state: 'succeeded', result: answer })
})

test('a file and what comes in go out and come back byte for byte', async () => {
  const file = join(folder, 'bone.bin')
  writeFileSync(file, odd)
  const sent = await runs(['dispatch', 'kennel', `@${file}`, '--type', 'image/x-bone', '--follow', '--json'], { WAYBILL_URL: router.url! })
  expect(JSON.parse(sent.stdout)).toMatchObject({ result: { 'content-type': 'image/x-bone', base64: 'EP8A' } })
  const input = (async function* () {
    yield await Promise.resolve(odd)
  })()
  const piped = begins(['dispatch', 'kennel', '-', '--follow'], { WAYBILL_URL: router.url! }, { input })
  expect((await piped.ended).code).toBe(0)
  expect(Buffer.concat(piped.pieces.map((piece) => Buffer.from(piece)))).toEqual(Buffer.from(odd.toReversed()))
})

test('what its receiver throws, and what cannot be sent, is said', async () => {
  expect(await ran('dispatch', 'kennel', '--follow')).toMatchObject({ code: 1, stderr: expect.stringContaining('it is empty') as string })
  expect(await ran('dispatch', 'kennel', 'a', '--type', 'a\nb')).toMatchObject({ code: 2 })
  expect(await ran('dispatch', 'kennel', '@nowhere')).toMatchObject({ code: 2, stderr: expect.stringContaining('nowhere') as string })
  expect(await ran('dispatch', 'ken nel', 'a')).toMatchObject({ code: 1, stderr: expect.stringContaining('BadAddress') as string })
})

test('the graph is drawn, shown, and drawn no more', async () => {
  expect(await ran('graph')).toMatchObject({ code: 0, stdout: '', stderr: 'The graph has no edges.\n' })
  expect(await ran('graph', 'connect', 'kennel', 'archive')).toMatchObject({ code: 0, stdout: 'connected kennel to archive\n' })
  expect((await ran('graph')).stdout).toMatch(/^FROM +TO\nkennel +archive\n$/)
  expect((await ran('graph', '--json')).stdout).toBe('[{"from":"kennel","to":"archive"}]\n')
  expect((await ran('graph', '--dot')).stdout).toBe('digraph waybill {\n  "kennel" -> "archive"\n}\n')
  expect((await ran('graph', '--mermaid')).stdout).toBe('graph LR\n  n0["kennel"] --> n1["archive"]\n')
  expect((await ran('graph', 'disconnect', 'kennel', 'archive', '--json')).stdout).toBe(
    '{"status":"disconnected","from":"kennel","to":"archive"}\n',
  )
  expect(await ran('graph', 'disconnect', 'kennel', 'archive')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('NoEdge') as string,
  })
  for (const wrong of [['connect', 'kennel'], ['draw'], ['--dot', '--mermaid']]) expect((await ran('graph', ...wrong)).code).toBe(2)
})
