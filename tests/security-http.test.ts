/** Who gets in through the HTTP door, and what its answers may do in a browser. Over real sockets. Titles begin with the row in docs/rows.md. */
import { connect } from '@waybill/client'
import { createToken, revokeTokens, tokenFile } from '@waybill/server/tokens'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { httpStage, type HttpStage } from './http-stage.js'

const sn = '018f3c1e-7a00-8dea-b6fb-bc0000000001'
/** Every route there is, and whether who has an id needs no token. */
const routes: readonly (readonly [what: string, isOpen: boolean])[] = [
  ['POST /register', false],
  ['GET /register', false],
  ['DELETE /register/dog', false],
  ['POST /dispatch', false],
  ['POST /dispatch/dog', false],
  ['GET /receive?name=dog&wait=0', false],
  ['HEAD /receive?name=dog', false],
  [`POST /received/${sn}`, false],
  ['POST /received/12345', true],
  ['POST /postback/12345', true],
  [`GET /receipts/${sn}`, false],
  [`GET /receipts/${sn}/result`, false],
  [`POST /receipts/${sn}/cancel`, false],
  ['POST /call/waybill.Router/info', false],
  ['GET /openapi.json', false],
  ['GET /openapi/Dog.json', false],
  ['GET /graph', false],
  ['POST /graph', false],
  ['DELETE /graph/dog/cat', false],
  ['GET /healthz', true],
  ['GET /readyz', true],
]
const all = routes.map(([what]) => what)

test('row 1: an address that others reach has no HTTP door without a token, and with one every route asks for it', async () => {
  await expect(httpStage({ listen: { host: '0.0.0.0' } })).rejects.toMatchObject({ code: 'Forbidden' })
  await using s = await httpStage({ tokens: { me: 'secret' }, listen: { host: '0.0.0.0', insecure: true } })
  for (const [what, isOpen] of routes) {
    const { status, headers } = await s.ask(what)
    if (isOpen) expect([what, status === 401]).toEqual([what, false])
    else expect([what, status, headers['www-authenticate']]).toEqual([what, 401, 'Bearer'])
    for (const authorization of ['Bearer secrets', 'Bearer ', 'Basic bWU6c2VjcmV0', 'secret'])
      if (!what.endsWith('z'))
        expect([what, authorization, (await s.ask(what, { headers: { authorization } })).status]).toEqual([what, authorization, 401])
  }
  expect((await s.ask('GET /register', { token: 'secret' })).status).toBe(200)
})

test('row 2: every route wants a Host of the router’s own, and the Origin of a page that may', async () => {
  await using s = await httpStage({ listen: { allowHosts: ['router.lan'], origins: ['https://app.example.com'] } })
  for (const what of all) {
    for (const headers of [{ host: 'evil.com' }, { host: '127.0.0.1.evil.com' }, { origin: 'https://evil.com' }, { origin: 'null' }])
      expect([what, headers, (await s.ask(what, { headers })).status]).toEqual([what, headers, 403])
    for (const headers of [{ host: 'router.lan' }, { origin: 'https://app.example.com' }])
      expect([what, headers, (await s.ask(what, { headers })).status === 403]).toEqual([what, headers, false])
  }
  expect((await s.told('GET /register'))[1]).toEqual([])
})

test('row 2: no answer of any route lets another page read it, or sets a cookie; none runs, is kept, or is taken for something else', async () => {
  await using s = await httpStage()
  await s.register('dog')
  await s.dispatch('dog', { body: '<script>alert(1)</script>', headers: { 'content-type': 'text/html' } })
  const parcel = await s.poll('dog')
  expect(parcel.headers['content-type']).toBe('text/html')
  await s.ask(`POST ${parcel.postback}`, { body: '<script>alert(1)</script>', headers: { 'content-type': 'text/html' } })
  const result = await s.ask(`GET /receipts/${parcel.headers['waybill-receipt'] as string}/result?wait=10`)
  expect(result.bytes.toString()).toContain('script')
  const leaves = new AbortController()
  const stream = await fetch(`${s.url}/receive?name=dog`, { headers: { accept: 'text/event-stream' }, signal: leaves.signal })
  leaves.abort()
  const own = { origin: s.url }
  const answers = [
    ['a parcel', parcel.headers],
    ['a result', result.headers],
    ['a stream', Object.fromEntries(stream.headers)],
    ...(await Promise.all(all.map(async (what) => [what, (await s.ask(what, { headers: own })).headers] as const))),
    ['nothing', (await s.ask('GET /nowhere')).headers],
    ['OPTIONS', (await s.ask('OPTIONS /register', { headers: { ...own, 'access-control-request-method': 'POST' } })).headers],
  ] as const
  for (const [what, headers] of answers) {
    expect([what, headers['x-content-type-options'], headers['content-security-policy'], headers['cache-control']]).toEqual([
      what,
      'nosniff',
      "sandbox; default-src 'none'",
      'no-store',
    ])
    expect([what, Object.keys(headers).filter((name) => /^access-control|^set-cookie/.test(name))]).toEqual([what, []])
  }
})

test('row 3: whatever a browser marks as foreign is refused on every route, before anything is changed', async () => {
  await using s = await httpStage()
  await s.register('dog')
  for (const what of all)
    for (const site of ['cross-site', 'same-site'])
      expect([what, site, (await s.ask(what, { headers: { 'sec-fetch-site': site } })).status]).toEqual([what, site, 403])
  expect((await s.told('GET /register'))[1]).toHaveLength(1)
  expect((await s.ask('GET /register', { headers: { 'sec-fetch-site': 'none' } })).status).toBe(200)
})

test('row 4: a token in the URL is none', async () => {
  await using s = await httpStage({ tokens: { me: 'secret' } })
  for (const query of ['token=secret', 'access_token=secret', 'authorization=Bearer%20secret'])
    expect((await s.ask(`GET /register?${query}`)).status).toBe(401)
  expect((await s.ask('GET /register', { headers: { cookie: 'token=secret' } })).status).toBe(401)
})

/** Opens a poll, a stream of events and a wait for a receipt, and tells how each ended, and how long after `shutOut`. */
async function open(s: HttpStage, token: string, receipt: string): Promise<() => Promise<readonly [number, string][]>> {
  const bearer = { authorization: `Bearer ${token}` }
  const events = await fetch(`${s.url}/receive?name=dog`, { headers: { ...bearer, accept: 'text/event-stream' } })
  const waiting = ['/receive?name=dog&wait=300', `/receipts/${receipt}?wait=300`].map((path) => fetch(s.url + path, { headers: bearer }))
  await new Promise((resolve) => setTimeout(resolve, 100))
  return async () => {
    const told = await Promise.all(waiting.map(async (answer) => [(await answer).status, await (await answer).text()] as [number, string]))
    return [...told, [events.status, await events.text()]]
  }
}

test('row 4: a token that is revoked ends the open requests that showed it within a second, and its names; no others', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'waybill-tokens-')), 'own', 'tokens.json')
  const [old, other] = ['kennel', 'walker'].map((label) => createToken(file, label).token) as [string, string]
  await using s = await httpStage({ tokens: tokenFile(file) })
  await s.register('dog', {}, old)
  await s.register('cat', {}, other)
  const receipt = await s.dispatch('later', { token: old, headers: { 'waybill-ttl': '1h' } })
  const ended = await open(s, old, receipt)
  const stays = fetch(`${s.url}/receive?name=cat&wait=3`, { headers: { authorization: `Bearer ${other}` } })
  const fromMs = performance.now()
  revokeTokens(file, 'kennel')
  const [poll, wait, events] = await ended()
  expect(performance.now() - fromMs).toBeLessThan(2500)
  for (const [status, text] of [poll!, wait!]) expect([status, text]).toEqual([401, expect.stringContaining('not good any more')])
  expect(events![1]).toContain('event: error\ndata: your token is not good any more')
  expect((await s.ask('GET /register', { token: old })).status).toBe(401)
  await s.dispatch('cat', { token: other, body: 'still here' })
  expect(await (await stays).text()).toBe('still here')
  // The name is free, for anybody.
  await s.register('dog', {}, other)
  await using client = await connect(s.router.url!, { name: 'seer', token: other })
  const seen = await client.remote<{ clients(): { name: string; principal: string }[] }>('waybill.Router').clients()
  expect(seen.map(({ name, principal }) => `${name} ${principal}`).toSorted()).toEqual(['cat walker', 'dog walker', 'seer walker'])
})
