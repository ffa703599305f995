/** Text from the wire meets regular expressions, logs and error messages. Titles begin with the row in docs/rows.md. */
import { connect, registerError, service } from '@waybill/client'
import { checkAddress, isMethodName, isName, isServiceName, logLine, parseAddress, quoted } from '@waybill/core'
import { createRouter } from '@waybill/server'
import { harness, ROUTER_URL } from '@waybill/testkit'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { HostilePeer } from './hostile-peer.js'

interface Any {
  [method: string]: (...args: unknown[]) => unknown
}

/** What could end a line, move a cursor, hide, or turn the direction of writing. */
const unsafe = [
  '\0',
  '\n',
  '\r',
  '\t',
  '\x1b',
  '\x7f',
  '\x85',
  '\xad',
  '\u200b',
  '\u202e',
  '\u2028',
  '\u2066',
  '\ufeff',
  '\ud800',
  '\u{e0041}',
]

describe('row 23: no regular expression that backtracks sees the wire', () => {
  const packages = join(import.meta.dirname, '..', 'packages')
  const sources = readdirSync(packages).flatMap((name) => {
    const root = join(packages, name, 'src')
    return (readdirSync(root, { recursive: true }) as string[]).filter((file) => file.endsWith('.ts')).map((file) => join(root, file))
  })
  const literal = /(?<=(?:[=(,:!&|?[{;]|return)\s*)\/(?![*/])((?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\n\\[])+)\/([dgimsuvy]*)(?!\w)/g
  const found = sources.flatMap((file) =>
    Array.from(
      readFileSync(file, 'utf8')
        .replaceAll(/\/\*[\s\S]*?\*\//g, '')
        .matchAll(literal),
      ([, source, flags]) => ({ source: source!, flags: flags! }),
    ),
  )

  test('row 23: every expression of the sources takes linear time', () => {
    expect(found.length).toBeGreaterThan(20)
    const always = ['a', '0', '-', '.', ' ', '/', '"', '\\', '_', '\n']
    for (const { source, flags } of found) {
      // What the expression itself speaks of is what it can be made to try in many ways.
      const letters = [...new Set([...always, ...Array.from(source.replaceAll(/\\[a-z]|[\^$*+?(){}|]/gi, ''))])].slice(0, 30)
      const pairs = letters.flatMap((left) => letters.map((right) => left + right))
      const expression = new RegExp(source, flags.replace(/[gy]/g, ''))
      for (const pair of pairs) {
        for (const end of ['!', '\u0000']) {
          const text = pair.repeat(1500) + end
          let best = Number.POSITIVE_INFINITY
          for (let attempt = 0; attempt < 3 && best > 10; attempt++) {
            const startMs = performance.now()
            expression.test(text)
            best = Math.min(best, performance.now() - startMs)
          }
          expect(best, `${source} on ${JSON.stringify(pair)}`).toBeLessThan(10)
        }
      }
    }
  })

  test('row 23: none is made from text', () => {
    const made = sources.filter((file) => /new RegExp\(|\bRegExp\(/.test(readFileSync(file, 'utf8')))
    expect(made).toEqual([])
  })

  test('row 23: ranges of versions, which a library reads, are short and quick', async () => {
    await using h = harness()
    const worker = await h.client('worker')
    await worker.expose(service<Any>('Work@1.0.0', { ping: {} }), { ping: () => 1 } as Any)
    const caller = await h.client('caller')
    const parts = ['>=', '1', '.', '0', ' ', '-', 'x', '*', '^', '~', '||', '+a', '-0', '<', '='].filter((part) =>
      /^[0-9A-Za-z.+*^~<>=| -]+$/.test(part),
    )
    const startMs = performance.now()
    for (const left of parts) {
      for (const right of parts) {
        const version = (left + right).repeat(64).slice(0, 128)
        await caller.remote<Any>('Work', { version })['ping']!().catch(() => {})
      }
    }
    expect(performance.now() - startMs).toBeLessThan(5000)
    expect(() => caller.remote('Work', { version: '1'.repeat(129) })).toThrow('version range')
  })
})

describe('row 28: names and logs carry nothing but what they show', () => {
  test('row 28: every kind of name refuses control characters', () => {
    for (const character of unsafe) {
      const name = `a${character}b`
      expect([isName(name), isServiceName(name), isMethodName(name)], JSON.stringify(name)).toEqual([false, false, false])
      for (const address of [name, `${name}/Dog`, `Dog@${name}`, `Dog?${name}=x`, `Dog?x=${name}`]) {
        expect(() => parseAddress(address), JSON.stringify(address)).toThrow(expect.objectContaining({ code: 'BadAddress' }))
      }
      expect(() => checkAddress({ service: 'Dog', where: { x: name } })).toThrow(expect.objectContaining({ code: 'BadAddress' }))
      expect(() => service(`${name}@1.0.0`, {})).toThrow(expect.objectContaining({ code: 'BadAddress' }))
      expect(() => registerError(Error, name)).toThrow(expect.objectContaining({ code: 'BadAddress' }))
    }
    for (const name of ['bark', '$', '_x', 'größe', '吠える', 'a1']) expect(isMethodName(name)).toBe(true)
    for (const name of ['', '1a', 'a b', 'a-b', 'a.b', 'a'.repeat(129)]) expect(isMethodName(name)).toBe(false)
  })

  test('row 28: so does the router, whatever a client checks', async () => {
    await using h = harness()
    const worker = await h.client('worker')
    const { offer } = worker.remote<{ offer(offers: unknown): unknown }>('waybill.Router')
    const good = { service: 'Dog', version: '1.0.0', methods: ['bark'] }
    await offer([good])
    for (const character of unsafe.filter((one) => one !== '\ud800')) {
      const bad = `a${character}b`
      for (const wrong of [
        { service: bad },
        { version: `1.0.0${character}` },
        { methods: [bad] },
        { labels: { [bad]: 'x' } },
        { labels: { x: bad } },
      ]) {
        const error = (await offer([{ ...good, ...wrong }]).then(undefined, (thrown: unknown) => thrown)) as Error & { code: string }
        expect([JSON.stringify(wrong), error.code]).toEqual([JSON.stringify(wrong), 'BadAddress'])
        expect(error.message).not.toContain(character)
      }
      const stranger = HostilePeer.open(h.network.transport(h.world.process('stranger')), ROUTER_URL, { introduction: { name: bad } })
      await expect(stranger).rejects.toMatchObject({ code: 'ProtocolViolation', message: expect.not.stringContaining(character) })
    }
  })

  test('row 28: one encoder shows what came from elsewhere', () => {
    for (const character of unsafe) {
      expect(quoted(`a${character}b`)).toMatch(/^"a(?:\\u[0-9a-f]{4}|\\[nrtbf])+b"$/)
      const line = logLine({ name: `a${character}b` })
      expect(line).toMatch(/^[\x20-\x7e]+$/)
      expect(JSON.parse(line)).toEqual({ name: `a${character}b` })
    }
    expect(quoted('größe 吠 😀')).toBe('"größe 吠 😀"')
    expect(quoted('x'.repeat(1000))).toHaveLength(203)
  })

  afterEach(() => void vi.restoreAllMocks())

  test('row 28: an incident is one line of JSON, whoever chose its text', async () => {
    const lines: string[] = []
    vi.spyOn(console, 'error').mockImplementation((line: string) => void lines.push(line))
    await using router = await createRouter({
      listen: false,
      authorize: (_principal, action) => action !== 'call' || fail(unsafe.join('\n')),
    })
    await using worker = await connect('memory:', { transport: router.transport })
    await worker.expose(service<Any>('Dog@1.0.0', { bark: {} }), { bark: (name: unknown) => fail(`no dog ${String(name)}`) } as Any)
    await using caller = await connect('memory:', { transport: router.transport })
    await expect(caller.remote<Any>('Dog')['bark']!('x')).rejects.toMatchObject({ code: 'Forbidden' })
    await using open = await createRouter({ listen: false })
    await using other = await connect('memory:', { transport: open.transport })
    await other.expose(service<Any>('Dog@1.0.0', { bark: {} }), { bark: (name: unknown) => fail(`no dog ${String(name)}`) } as Any)
    await expect(other.remote<Any>('Dog')['bark']!('\n\x1b[2J\u202e')).rejects.toMatchObject({ code: 'RemoteException' })
    expect(lines).toHaveLength(2)
    for (const line of lines) {
      expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
      expect(JSON.parse(line)).toMatchObject({ waybill: 'incident', incident: expect.stringMatching(/^[0-9a-f]{12}$/) })
    }
  })
})

function fail(message: string): never {
  throw new Error(message)
}
