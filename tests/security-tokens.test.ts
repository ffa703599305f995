/** Tokens leak: what is kept of them, where, and how they end. Titles begin with the row in docs/rows.md. */
import { connect } from '@waybill/client'
import { writeOpening, type WaybillError } from '@waybill/core'
import type { RouterIncident } from '@waybill/server'
import { createToken, listTokens, revokeTokens, tokenFile } from '@waybill/server/tokens'
import { harness, realHarness, ROUTER_URL } from '@waybill/testkit'
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { HostilePeer } from './hostile-peer.js'

const root = mkdtempSync(join(tmpdir(), 'waybill-tokens-'))
let folders = 0
/** In a folder that is not there yet. */
const freshFile = (): string => join(root, `${++folders}`, 'tokens.json')
afterAll(() => rmSync(root, { recursive: true }))

const mode = (path: string): number => lstatSync(path).mode & 0o777

describe('row 4: what is kept of a token', () => {
  test('row 4: its digest, in a file and a folder of its owner alone', () => {
    const file = freshFile()
    const before = process.umask(0)
    try {
      const { token } = createToken(file, 'kennel')
      expect(token).toMatch(/^waybill_[\w-]{43}$/)
      expect(readFileSync(file, 'utf8')).not.toContain(token.slice(8))
      expect(createToken(file, 'walker').token).not.toBe(token)
    } finally {
      process.umask(before)
    }
    expect([mode(file), mode(dirname(file))]).toEqual([0o600, 0o700])
    expect(readdirSync(dirname(file))).toEqual(['tokens.json'])
    expect(listTokens(file).map(({ label }) => label)).toEqual(['kennel', 'walker'])
  })

  const openings: readonly [string, (file: string) => void, RegExp][] = [
    ['a file that others can read', (file) => chmodSync(file, 0o640), /can be read by others/],
    ['a folder that others can write to', (file) => chmodSync(dirname(file), 0o770), /can be written by others/],
    [
      'a folder that is a link',
      (file) => {
        symlinkSync(`${dirname(file)}-real`, `${dirname(file)}-link`)
        rmSync(dirname(file), { recursive: true })
        mkdirSync(`${dirname(file)}-real`, { mode: 0o700 })
        symlinkSync(`${dirname(file)}-real`, dirname(file))
      },
      /is a symbolic link/,
    ],
    [
      'a file that is a link',
      (file) => {
        const other = join(dirname(file), 'other.json')
        writeFileSync(other, readFileSync(file), { mode: 0o600 })
        rmSync(file)
        symlinkSync(other, file)
      },
      /is a symbolic link/,
    ],
  ]
  test.each(openings)('row 4: refused is %s', (_what, spoil, why) => {
    const file = freshFile()
    createToken(file, 'kennel')
    spoil(file)
    for (const use of [() => listTokens(file), () => createToken(file, 'walker'), () => revokeTokens(file, 'kennel')])
      expect(use).toThrow(expect.objectContaining({ code: 'Forbidden', message: expect.stringMatching(why) }))
  })

  test('row 4: a writer that fails leaves what was there, and two do not write at the same time', () => {
    const file = freshFile()
    const { entry } = createToken(file, 'kennel')
    expect(() => createToken(file, entry.id)).toThrow(/already/)
    expect(() => createToken(file, 'a b')).toThrow(/not a label/)
    expect(listTokens(file)).toEqual([entry])
    writeFileSync(`${file}.new`, '')
    expect(() => createToken(file, 'walker')).toThrow(expect.objectContaining({ code: 'Overloaded' }))
    expect(listTokens(file)).toEqual([entry])
  })

  const damages = ['', '{', '[]', '{"version":2,"tokens":[]}', '{"version":1,"tokens":{}}']
  const entry = { id: '00000000', label: 'kennel', digest: '0'.repeat(64), createdMs: 1 }
  const entries = [{ expiresMs: '1' }, { expiresMs: null }, { label: 'a\nb' }, { digest: '' }, { id: 7 }, { createdMs: undefined }]
  test('row 4: a damaged file has no tokens at all', () => {
    const file = freshFile()
    createToken(file, 'kennel')
    const lists = [...entries.map((wrong) => [{ ...entry, ...wrong }]), [entry, entry], [null]]
    for (const text of [...damages, ...lists.map((tokens) => JSON.stringify({ version: 1, tokens }))]) {
      writeFileSync(file, text)
      expect(() => listTokens(file), text).toThrow(expect.objectContaining({ code: 'Damaged' }))
    }
    writeFileSync(file, JSON.stringify({ version: 1, tokens: [entry] }))
    expect(listTokens(file)).toEqual([entry])
  })
})

describe('row 4: who has a token comes in, as long as it is good', () => {
  test('row 4: each label is a principal; what is no token, or nearly one, is refused', async () => {
    const file = freshFile()
    const { token } = createToken(file, 'kennel')
    const other = createToken(file, 'walker').token
    await using h = harness({ router: { tokens: tokenFile(file) } })
    const client = await h.client('a', { token })
    await h.client('b', { token: other })
    const seen = await client.remote<{ clients(): { name: string; principal: string }[] }>('waybill.Router').clients()
    expect(seen.map(({ name, principal }) => `${name} ${principal}`)).toEqual(['a kennel', 'b walker'])
    const digest = listTokens(file)[0]!.digest
    for (const wrong of [
      '',
      token.slice(0, -1),
      `${token} `,
      token.toLowerCase(),
      digest,
      `waybill_${other.slice(8, 20)}${token.slice(20)}`,
    ])
      await expect(h.client('c', { token: wrong }), wrong).rejects.toMatchObject({ code: 'Unauthorized' })
    await expect(h.client('c')).rejects.toMatchObject({ code: 'Unauthorized' })
  })

  test('row 4: a router does not begin without the file that it was given', async () => {
    const file = freshFile()
    expect(() => harness({ router: { tokens: tokenFile(file) } })).toThrow(/no token file/)
    createToken(file, 'kennel')
    chmodSync(file, 0o644)
    expect(() => harness({ router: { tokens: tokenFile(file) } })).toThrow(/can be read by others/)
  })

  test('row 4: a token that is revoked closes its links within a second, and no other', async () => {
    const file = freshFile()
    const tokens = ['kennel', 'walker'].map((label) => createToken(file, label).token)
    await using h = harness({ router: { tokens: tokenFile(file) } })
    const [first, second, other] = [
      await h.client('a', { token: tokens[0]! }),
      await h.client('b', { token: tokens[0]! }),
      await h.client('c', { token: tokens[1]! }),
    ]
    await h.advance(10_000)
    expect(first.isConnected).toBe(true)
    expect(revokeTokens(file, 'kennel')).toMatchObject([{ label: 'kennel' }])
    await h.advance(1000)
    expect([first.isConnected, second.isConnected, other.isConnected]).toEqual([false, false, true])
    expect(await first.closed).toMatchObject({ code: 'Unauthorized' })
    await expect(h.client('d', { token: tokens[0]! })).rejects.toMatchObject({ code: 'Unauthorized' })
    const again = await h.client('a', { token: createToken(file, 'kennel').token })
    await h.advance(5000)
    expect([again.isConnected, other.isConnected]).toEqual([true, true])
  })

  test('row 4: a label can have two tokens, of which the older one goes while the clients of the newer one stay', async () => {
    const file = freshFile()
    const old = createToken(file, 'kennel')
    const fresh = createToken(file, 'kennel')
    expect(old.entry.id).not.toBe(fresh.entry.id)
    await using h = harness({ router: { tokens: tokenFile(file) } })
    const [before, after] = [await h.client('a', { token: old.token }), await h.client('b', { token: fresh.token })]
    const seen = await after.remote<{ clients(): { principal: string }[] }>('waybill.Router').clients()
    expect(seen.map(({ principal }) => principal)).toEqual(['kennel', 'kennel'])
    expect(revokeTokens(file, old.entry.id)).toEqual([old.entry])
    expect(listTokens(file)).toEqual([fresh.entry])
    await h.advance(1000)
    expect([before.isConnected, after.isConnected]).toEqual([false, true])
    await expect(h.client('c', { token: old.token })).rejects.toMatchObject({ code: 'Unauthorized' })
    // Also once its link was another one for a while, and by the label all of them go.
    h.network.cut(h.processOf(after))
    await h.advance(1000)
    expect(after.isConnected).toBe(true)
    const third = await h.client('c', { token: createToken(file, 'kennel').token })
    expect(revokeTokens(file, 'kennel')).toHaveLength(2)
    await h.advance(1000)
    expect([after.isConnected, third.isConnected]).toEqual([false, false])
  })

  test('row 4: also of a client whose link is broken at that moment', async () => {
    const file = freshFile()
    const { token, entry } = createToken(file, 'kennel')
    await using h = harness({ router: { tokens: tokenFile(file), limits: { resumeGraceMs: 60_000 } } })
    const client = await h.client('a', { token })
    h.network.isolate('a', 'reset')
    h.network.cut(h.processOf(client))
    await h.advance(100)
    expect(h.router.load.sessions).toBe(1)
    revokeTokens(file, entry.id)
    await h.advance(1000)
    expect(h.router.load.sessions).toBe(0)
    h.network.isolate('a', undefined)
    await h.advance(20_000)
    expect(await client.closed).toMatchObject({ code: 'Unauthorized' })
  })

  test('row 4: a token that expires does the same, to the second', async () => {
    const file = freshFile()
    await using h = harness({ router: { tokens: { open: (clock, revoked) => tokenFile(made(clock)).open(clock, revoked) } } })
    function made(clock: { wallMs(): number }): string {
      createToken(file, 'kennel', { lifeMs: 60_000, ports: { clock: clock as never, random: { fill: (bytes) => bytes.fill(7) } } })
      return file
    }
    const token = `waybill_${Buffer.alloc(32, 7).toString('base64url')}`
    const client = await h.client('a', { token })
    await h.advance(59_000)
    expect(client.isConnected).toBe(true)
    await h.advance(2000)
    expect(await client.closed).toMatchObject({ code: 'Unauthorized' })
    await expect(h.client('b', { token })).rejects.toMatchObject({ code: 'Unauthorized' })
  })

  test('row 4: while the file cannot be read nobody comes in, the operator is told why, and who is here stays; without it everybody goes', async () => {
    const file = freshFile()
    const { token } = createToken(file, 'kennel')
    const onIncident = vi.fn<(incident: RouterIncident) => void>()
    await using h = harness({ router: { tokens: tokenFile(file), onIncident } })
    const client = await h.client('a', { token })
    const text = readFileSync(file, 'utf8')
    writeFileSync(file, text.slice(0, 50))
    await h.advance(5000)
    const refusal = await h.client('b', { token }).catch((error: WaybillError) => error)
    expect(refusal).toMatchObject({
      code: 'Unauthorized',
      message: expect.stringMatching(/^the credentials could not be checked; incident/),
    })
    expect(onIncident.mock.lastCall?.[0]).toMatchObject({ where: 'authenticate', error: { cause: { code: 'Damaged' } } })
    expect(client.isConnected).toBe(true)
    writeFileSync(file, text)
    await h.client('b', { token })
    rmSync(file)
    await h.advance(1000)
    expect(await client.closed).toMatchObject({ code: 'Unauthorized' })
  })

  test('row 4: who is shut out while its credentials are being looked at does not come in', async () => {
    const answers: ((principal: string) => void)[] = []
    await using h = harness({ router: { authenticate: () => new Promise((resolve) => answers.push(resolve)) } })
    const link = await HostilePeer.link(h.network.transport(h.world.process('late')), ROUTER_URL)
    link.link.send(writeOpening({ incarnation: 'beef'.repeat(5) }))
    await h.advance(10)
    expect(h.router.revoke('kennel')).toBe(0)
    answers[0]!('kennel')
    await h.advance(10)
    expect(h.router.load.sessions).toBe(0)
  })

  test('row 4: over real sockets within a second of real time', { retry: 2 }, async () => {
    const file = freshFile()
    const { token } = createToken(file, 'kennel')
    await using h = await realHarness({ tokens: tokenFile(file) })
    const client = await connect(h.url, { token })
    const from = performance.now()
    revokeTokens(file, 'kennel')
    expect(await client.closed).toMatchObject({ code: 'Unauthorized' })
    expect(performance.now() - from).toBeLessThan(1000)
  })
})
