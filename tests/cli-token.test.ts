/** `waybill token` and `waybill start --tokens` as processes: what is printed where, and that a router notices. Runs what is built. */
import { connect } from '@waybill/client'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { endChildren, ran, waybill } from './fixtures/children.js'

const folder = mkdtempSync(join(tmpdir(), 'waybill-cli-token-'))

afterAll(async () => {
  await endChildren()
  rmSync(folder, { recursive: true })
})

test('a token is printed once, opens the router, and no longer once it is revoked', async () => {
  const env = { XDG_CONFIG_HOME: folder }
  const made = await ran(['token', 'create', 'kennel', '--expires', '30d'], env)
  expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/^waybill_[\w-]{43}\n$/) })
  expect(made.stderr).toMatch(/shown once.*principal kennel, good until \d{4}-\d\d-\d\dT/)
  const token = made.stdout.trim()
  expect(readFileSync(join(folder, 'waybill', 'tokens.json'), 'utf8')).not.toContain(token)

  const router = waybill(['start', '--port', '0', '--tokens'], env)
  const [[, url], listed] = await Promise.all([router.prints(/connect\('(ws:[^']+)', \{ token \}\)/), ran(['token', 'list'], env)])
  expect(listed.stdout).toMatch(/^LABEL +ID +CREATED +EXPIRES\nkennel +[0-9a-f]{8} +\S{20} +\S{20}\n$/)
  await expect(connect(url!, { token: 'wrong' })).rejects.toMatchObject({ code: 'Unauthorized' })
  const client = await connect(url!, { token })

  const second = await ran(['token', 'create', 'kennel'], env)
  const [, id] = /has 1 other token: ([0-9a-f]{8})$/m.exec(second.stderr)!
  const third = await ran(['token', 'create', 'kennel'], env)
  expect(third.stderr).toMatch(/has 2 other tokens: [0-9a-f]{8} [0-9a-f]{8}$/m)
  const other = await connect(url!, { token: second.stdout.trim() })
  expect((await ran(['token', 'revoke', id!], env)).stderr).toBe(`waybill: the token ${id} of kennel is not good any more\n`)
  expect(await client.closed).toMatchObject({ code: 'Unauthorized' })
  expect(other.isConnected).toBe(true)

  const revoked = await ran(['token', 'revoke', 'kennel', '--json'], env)
  expect(JSON.parse(revoked.stdout)).toMatchObject({ revoked: [{ label: 'kennel' }, { label: 'kennel' }] })
  expect(await other.closed).toMatchObject({ code: 'Unauthorized' })
})

test('failures have a sentence and a code', async () => {
  const file = join(folder, 'none', 'tokens.json')
  const [none, empty, start, both] = await Promise.all([
    ran(['token', 'revoke', 'nobody', '--tokens', file]),
    ran(['token', 'list', '--json'], { WAYBILL_TOKENS: join(folder, 'other', 'tokens.json') }),
    ran(['start', '--port', '0', '--tokens', file]),
    ran(['start', '--port', '0', '--tokens', file, '--token', 't']),
  ])
  expect(none).toMatchObject({ code: 1, stderr: 'waybill: there is no token "nobody"\n' })
  expect(empty).toMatchObject({ code: 0, stdout: '[]\n', stderr: '' })
  expect(start).toMatchObject({ code: 2, stderr: expect.stringContaining('make a token with `waybill token create`') })
  expect(both).toMatchObject({ code: 2, stderr: expect.stringContaining('cannot be used with') })
})
