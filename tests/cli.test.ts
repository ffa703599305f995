/**
 * The `waybill` command: what it prints where, and its exit codes. What only a process can show is shown by one, of what is built; everything
 * else runs in this process.
 */
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { connect } from '@waybill/client'
import { createRouter } from '@waybill/server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Child, endChildren, ran as ranAsProcess, startRouter, startWorker, waybill, type RunningRouter } from './fixtures/children.js'
import { begins, ran, type CommandRun } from './fixtures/commands.js'

let router: RunningRouter
let other: Child
let folder: string
const env = (): Record<string, string> => ({ WAYBILL_URL: router.url })

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waybill-cli-'))
  router = await startRouter()
  ;[, other] = await Promise.all([startWorker(router.url), startWorker(router.url, { NAME: 'other', VERSION: '2.0.0' })])
})

afterAll(async () => {
  await endChildren()
  await rm(folder, { recursive: true })
})

describe('waybill', () => {
  it('alone prints help with an example', async () => {
    const { code, stdout, stderr } = await ran([])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('waybill call Dog.bark hello')
    expect(stdout).toMatch(/^ {2}3 +no router answered/m)
    expect(stdout).toContain('WAYBILL_TOKEN')
  })

  it('has a form for programs in each verb', async () => {
    const verbsIn = (help: string): string[] =>
      Array.from((/^Commands:\n((?: +.*\n)+)/m.exec(help)?.[1] ?? '').matchAll(/^ {2}(\w+) /gm), ([, verb]) => verb!).filter(
        (verb) => verb !== 'help',
      )
    const verbs = verbsIn((await ran(['--help'])).stdout)
    expect(verbs).toEqual(expect.arrayContaining(['start', 'call', 'trace', 'drain', 'token']))
    for (const verb of verbs) {
      const { stdout } = await ran([verb, '--help'])
      const ways = verbsIn(stdout)
      if (ways.length === 0) expect(stdout, verb).toMatch(/^ {2}--json +\S/m)
      for (const way of ways) expect((await ran([verb, way, '--help'])).stdout, `${verb} ${way}`).toMatch(/^ {2}--json +\S/m)
    }
  })

  it('ends as a process with the exit code, and keeps what was asked for apart from what failed', async () => {
    const [done, failed, wrong, lost] = await Promise.all([
      ranAsProcess(['call', 'Dog.bark', 'hello'], env()),
      ranAsProcess(['call', 'Dog.fly'], env()),
      ranAsProcess(['start', '--port', '80x']),
      ranAsProcess(['services', '--url', 'ws://127.0.0.1:1']),
    ])
    expect(done).toEqual({ code: 0, stdout: 'woof hello\n', stderr: '' })
    expect(failed).toEqual({ code: 1, stdout: '', stderr: expect.stringMatching(/^waybill: NoSuchMethod: /) as string })
    expect(wrong).toEqual({ code: 2, stdout: '', stderr: expect.stringMatching(/'80x' is invalid/) as string })
    expect(lost).toEqual({ code: 3, stdout: '', stderr: expect.stringMatching(/^waybill: RouterUnreachable: /) as string })
  })

  it('ends quietly when whoever reads has seen enough', async () => {
    // The end of the reader is there before the first line.
    const pipe = `${JSON.stringify(process.execPath)} packages/cli/bin/waybill.js services | true; echo "\${PIPESTATUS[0]}"`
    const child = new Child('bash', ['-c', pipe], env())
    await child.ended
    expect({ stdout: child.stdout, stderr: child.stderr }).toEqual({ stdout: '0\n', stderr: '' })
  })

  it('is a program of its own, and knows its version', async () => {
    const file = fileURLToPath(new URL('../packages/cli/bin/waybill.js', import.meta.url))
    expect((await stat(file)).mode & 0o111).toBe(0o111)
    const child = new Child(file, ['--version'], {})
    expect(await child.ended).toEqual({ code: 0, signal: null })
    expect(child.stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})

describe.concurrent('what makes no sense', () => {
  it.for([
    { args: ['cal'], says: /unknown command 'cal'\n\(Did you mean call\?\)/ },
    { args: ['call'], says: /missing required argument 'service\.method'/ },
    { args: ['call', 'Dog.bark', '--deadlin', '1s'], says: /unknown option '--deadlin'\n\(Did you mean --deadline\?\)/ },
    { args: ['call', 'Dog'], says: /"Dog" names no method: write Service\.method/ },
    { args: ['call', 'Dog.bark', '--url', 'ws://token@127.0.0.1'], says: /WAYBILL_TOKEN or --token-file/ },
    { args: ['call', 'Dog.bark', '--token-file', '/nowhere'], says: /--token-file: cannot read \/nowhere/ },
    { args: ['ping', '--count', '0'], says: /A count is a whole number from 1 to 1000000/ },
    { args: ['top', '--interval', '10ms'], says: /--interval: at least 100ms/ },
    { args: ['top', '--count', '0'], says: /A count is a whole number from 1 to 999999/ },
    { args: ['ping', 'a b'], says: /"a b" is not a service name/ },
    { args: ['describe'], says: /missing required argument 'service'/ },
    { args: ['start', '--port', '80x'], says: /'80x' is invalid\. A port is a number from 0 to 65535/ },
    { args: ['start', '--host', '0.0.0.0'], says: /listening on 0\.0\.0\.0 opens the router to a network: give a token/ },
    { args: ['start', '--host', '0.0.0.0', '--token', 't'], says: /without TLS sends tokens in the clear/ },
    { args: ['start', '--token', 't', '--token-file', 'f'], says: /cannot be used with option '--token-file/ },
    { args: ['start', '--port', '0', '--webhook', 'hooks.example.com'], says: /"hooks\.example\.com" is no origin such as https:/ },
    {
      args: ['start', '--port', '0', '--webhook', 'http://127.0.0.1:*'],
      says: /127\.0\.0\.1 is this machine: say loopback \(--webhook-loopback\)/,
    },
    { args: ['start', '--port', '0', '--webhook-private'], says: /name the origins that may be posted to/ },
    { args: ['start', '--tls-key', 'f'], says: /--tls-key and --tls-cert belong together/ },
  ])('is wrong usage, exit code 2: $args', async ({ args, says }, { expect }) => {
    const { code, stdout, stderr } = await ran(args)
    expect(stderr).toMatch(says)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  })
})

describe('waybill start', () => {
  const routers: CommandRun[] = []
  const started = async (...args: string[]): Promise<{ url: string }> => {
    const command = begins(['start', '--json', '--port', '0', ...args])
    routers.push(command)
    const [line] = await command.prints(/^\{.*\}$/m)
    return JSON.parse(line) as { url: string }
  }
  afterAll(async () => {
    for (const command of routers) command.interrupt()
    expect(await Promise.all(routers.map(({ ended }) => ended))).toEqual(routers.map(() => ({ code: 0, signal: null })))
  })

  it('may be stopped as soon as it has said that it is there', async () => {
    const command = begins(['start', '--port', '0', '--memory'], {}, { interruptedAt: /^Waybill is listening/ })
    expect(await command.ended).toEqual({ code: 0, signal: null })
  })

  it.each(['SIGINT', 'SIGTERM'] as const)('says how to connect, and ends with 0 at %s within two seconds', { retry: 2 }, async (signal) => {
    const child = waybill(['start', '--port', '0'])
    const [, url] = await child.prints(/^Waybill is listening: connect\('(ws:\/\/127\.0\.0\.1:\d+)'\)\. Ctrl-C stops it\.\n$/)
    const client = await connect(url!)
    const from = performance.now()
    child.kill(signal)
    expect(await child.ended).toEqual({ code: 0, signal: null })
    expect(performance.now() - from).toBeLessThan(2000)
    expect(child.stderr).toBe('')
    await client.close({ drainMs: 0 })
  })

  it('says it as one line of JSON', async () => {
    const { child, url, port } = router
    expect(child.stdout.split('\n')).toHaveLength(2)
    expect(JSON.parse(child.stdout)).toEqual({ url, host: '127.0.0.1', port, pid: child.pid, token: false, tls: false })
  })

  it('names a port that is taken, exit code 1', async () => {
    const { code, stderr } = await ran(['start', '--port', String(router.port)])
    expect(stderr).toBe(`waybill: port ${router.port} on 127.0.0.1 is taken by another process; stop it or choose another port\n`)
    expect(code).toBe(1)
  })

  it('asks for a token, and takes it from a file or the environment', async () => {
    const file = join(folder, 'token')
    await writeFile(file, 'fido\n')
    const { url } = await started('--token-file', file)
    const [none, wrong, right, fromFile] = await Promise.all([
      ran(['clients', '--url', url]),
      ran(['clients', '--url', url, '--json'], { WAYBILL_TOKEN: 'rex' }),
      ran(['call', 'waybill.Router.clients', '--url', url, '--json'], { WAYBILL_TOKEN: 'fido' }),
      ran(['clients', '--url', url, '--token-file', file]),
    ])
    expect(none.stderr).toMatch(
      /^waybill: Unauthorized: .*\n {2}to do +give the token of this router with WAYBILL_TOKEN or --token-file\n$/,
    )
    expect(none.code).toBe(3)
    expect(JSON.parse(wrong.stdout)).toMatchObject({ error: { code: 'Unauthorized', executed: 'no' } })
    expect(wrong.code).toBe(3)
    const { result } = JSON.parse(right.stdout) as { result: readonly { principal: string }[] }
    expect(new Set(result.map(({ principal }) => principal))).toEqual(new Set(['token']))
    expect(fromFile.code).toBe(0)
  })

  it('serves TLS with the files it is given', async () => {
    const file = (name: string): string => fileURLToPath(new URL(`fixtures/tls/${name}`, import.meta.url))
    const { url } = await started('--tls-key', file('key.pem'), '--tls-cert', file('cert.pem'))
    expect(url).toMatch(/^wss:/)
    const [trusting, careful] = await Promise.all([
      // Node reads this when it starts.
      ranAsProcess(['call', 'waybill.Router.info', '--url', url], { NODE_EXTRA_CA_CERTS: file('cert.pem') }),
      ran(['call', 'waybill.Router.info', '--url', url]),
    ])
    expect(trusting.code).toBe(0)
    expect(careful.code).toBe(3)
    expect(careful.stderr).toContain('self-signed certificate')
  })

  it('says so when the TLS files are none', async () => {
    const file = join(folder, 'key.pem')
    await writeFile(file, 'no key')
    const { code, stderr } = await ran(['start', '--port', '0', '--tls-key', file, '--tls-cert', file])
    expect(stderr).toMatch(/^waybill: the router cannot start with the TLS key and certificate: /)
    expect(code).toBe(2)
  })

  it('listens for others where it is told to, and says what they need', async () => {
    const command = begins(['start', '--host', '0.0.0.0', '--port', '0', '--insecure'], { WAYBILL_TOKEN: 'fido' })
    routers.push(command)
    await command.prints(/connect\('ws:\/\/0\.0\.0\.0:\d+', \{ token \}\)/)
    await expect.poll(() => command.stderr).toContain('--allow-host')
  })
})

describe('waybill call', () => {
  it('prints text as it is and everything else readably', async () => {
    const [text, plain, rich, nothing] = await Promise.all(
      [['Dog.bark', 'hello'], ['Dog.echo', '{"a":[1,"b"]}'], ['Dog.rich'], ['Dog.nothing']].map((args) => ran(['call', ...args], env())),
    )
    expect(text).toEqual({ code: 0, stdout: 'woof hello\n', stderr: '' })
    expect(JSON.parse(plain!.stdout)).toEqual({ a: [1, 'b'] })
    expect(rich!.stdout).toMatch(/born: 2020-02-03T04:05:06\.000Z/)
    expect(rich!.stdout).toMatch(/Map\(1\) \{ 'rex' => 7 \}/)
    expect(rich!.stdout).toMatch(/\[ 1, 2, 255 \]/)
    expect(nothing).toEqual({ code: 0, stdout: '', stderr: '' })
  })

  it('reads arguments as JSON where they are, else as text', async () => {
    const [list, text, negative, dashed] = await Promise.all(
      [['[1,"2"]'], ['[1,'], ['-5'], ['--', '--loud']].map((args) => ran(['call', '--json', 'Dog.echo', ...args], env())),
    )
    expect([list, text, negative, dashed].map((one) => (JSON.parse(one!.stdout) as { result: unknown }).result)).toEqual([
      [1, '2'],
      '[1,',
      -5,
      '--loud',
    ])
  })

  it('prints one JSON object with --json', async () => {
    const [rich, nothing, failed] = await Promise.all(
      ['Dog.rich', 'Dog.nothing', 'Dog.fly'].map((target) => ran(['call', target, '--json'], env())),
    )
    expect(JSON.parse(rich!.stdout)).toEqual({
      result: { born: '2020-02-03T04:05:06.000Z', ages: [['rex', 7]], bytes: 'AQL/', many: '12345678901234567890' },
    })
    expect(JSON.parse(nothing!.stdout)).toEqual({ result: null })
    expect(JSON.parse(failed!.stdout)).toMatchObject({
      error: { code: 'NoSuchMethod', executed: 'no', retryable: false, message: expect.stringContaining('fly') as string },
    })
    expect(failed).toMatchObject({ code: 1, stderr: '' })
  })

  it('says what failed, whether it ran and what to do, exit code 1', async () => {
    const [unknown, lost, thrown, fault] = await Promise.all(
      ['Dog.fly', 'Cat.meow', 'Dog.fail', 'Dog.fault'].map((target) => ran(['call', target], env())),
    )
    expect(unknown!.stderr).toMatch(
      /^waybill: NoSuchMethod: Dog does not expose "?fly"?; it has bark,.*\n {2}executed +no, it did not run\n {2}to do +\S.*\n$/,
    )
    expect(lost!.stderr).toMatch(/^waybill: NoSuchService: nobody offers Cat\n {2}executed +no.*\n {2}to do +.*`waybill services`\n$/)
    expect(thrown!.stderr).toMatch(/^waybill: Asleep: the dog sleeps\n {2}state +\{[^}]*"dream": "rabbits"/)
    expect(thrown!.stderr).toMatch(/\n {2}executed +yes, it ran\n/)
    expect(fault!.stderr).toMatch(/\n {2}incident +[0-9a-f]{12} in the log of the callee\n/)
    expect([unknown, lost, thrown, fault].map((one) => [one!.code, one!.stdout])).toEqual(Array(4).fill([1, '']))
  })

  it('passes its options on', async () => {
    const [there, data, idle, nobody, noRange] = await Promise.all(
      [
        ['Dog.bark', 'x', '--on', 'nobody'],
        ['Dog.data', '--data', '{"trace":"t1"}', '--json', '--on', 'other', '--version', '^2'],
        ['kennel/Dog.hang', '--timeout', '100ms', '--json'],
        ['Dog.bark', '--version', '^3', '--json'],
        ['Dog.bark', '--version', 'foo'],
      ].map((args) => ran(['call', ...args], env())),
    )
    expect(there!.stderr).toContain('NoSuchClient: no client named nobody is connected')
    expect(JSON.parse(data!.stdout)).toEqual({ result: { trace: 't1' } })
    expect(JSON.parse(idle!.stdout)).toMatchObject({ error: { code: 'IdleTimeout', executed: 'maybe' } })
    expect(JSON.parse(nobody!.stdout)).toMatchObject({
      error: { code: 'NoSuchVersion', details: { offered: expect.arrayContaining(['1.2.0', '2.0.0']) as string[] } },
    })
    expect(noRange).toMatchObject({ code: 2, stderr: expect.stringContaining('is not a version range') as string })
  })

  it('writes no control characters where there is no terminal', async () => {
    const { code, stdout, stderr } = await ran(['call', 'Dog.walk', '3'], env())
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'home\n', stderr: '' })
  })

  it('cancels the call at Ctrl-C and says what is known of it, exit code 130', async () => {
    const call = waybill(['call', 'other/Dog.hang'], env())
    await other.prints(/^hanging$/m)
    call.kill('SIGINT')
    expect(await call.ended).toEqual({ code: 130, signal: null })
    expect(call.stderr).toMatch(/^waybill: Cancelled: .*\n {2}executed +maybe/)
    await other.prints(/^cancelled$/m)
  })

  it('says when no router is there, within the time of its connect, exit code 3', async () => {
    const url = `ws://127.0.0.1:${await freePort()}`
    const from = performance.now()
    const [text, json, listed] = await Promise.all([
      ran(['call', 'Dog.bark', '--url', url]),
      ran(['call', 'Dog.bark', '--json'], { WAYBILL_URL: url }),
      ran(['services', '--url', url]),
    ])
    expect(performance.now() - from).toBeLessThan(6000)
    expect(text.stderr).toMatch(
      new RegExp(`^waybill: RouterUnreachable: no router at ${url}: start one with \`waybill start\`\n {2}reason +.*ECONNREFUSED`),
    )
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { code: 'RouterUnreachable', executed: 'no', retryable: true } })
    expect(listed.stderr).toBe(text.stderr)
    expect([text, json, listed].map(({ code }) => code)).toEqual([3, 3, 3])
  })
})

describe('waybill top', () => {
  it('shows what the router is busy with, so many times', async () => {
    const { code, stdout } = await ran(['top', '--count', '2', '--interval', '100ms', '--json'], env())
    expect(code).toBe(0)
    const lines = stdout.trimEnd().split('\n')
    expect(lines).toHaveLength(2)
    const { services } = JSON.parse(lines[1]!) as { services: { service: string; client: string; calls: number }[] }
    expect(services).toContainEqual(expect.objectContaining({ service: 'Dog', client: 'kennel', calls: expect.any(Number) }))
  })
})

describe('waybill services and waybill clients', () => {
  it('list in aligned columns', async () => {
    const [services, clients] = await Promise.all([ran(['services'], env()), ran(['clients'], env())])
    expect(services.stdout).toMatch(/^SERVICE {2}VERSION {2}CLIENT {2}RUNNING {2}METHODS\nDog {6}1\.2\.0 {4}kennel {8}\d {2}bark echo /)
    expect(clients.stdout).toMatch(/^CLIENT +PRINCIPAL {2}STATE +SERVICES {2}RUNNING {2}CALLS {2}SINCE\n/)
    expect(clients.stdout).toMatch(/^kennel +local {6}open +1 +\d +\d {2}\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/m)
  })

  it('list as JSON', async () => {
    const [services, clients] = await Promise.all([ran(['services', '--json'], env()), ran(['clients', '--json'], env())])
    expect(JSON.parse(services.stdout)).toContainEqual(expect.objectContaining({ service: 'Dog', version: '1.2.0', client: 'kennel' }))
    expect(JSON.parse(clients.stdout)).toContainEqual(expect.objectContaining({ name: 'kennel', principal: 'local', state: 'open' }))
  })

  it('say what to do where there is nothing yet', async () => {
    await using nobody = await createRouter({ listen: { port: 0 } })
    const url = nobody.url!
    const services = await ran(['services', '--url', url])
    const clients = await ran(['clients', '--url', url])
    const json = await ran(['clients', '--url', url, '--json'])
    expect(services).toEqual({
      code: 0,
      stdout: '',
      stderr: 'Nobody offers a service yet. A client does: await client.expose(new Dog())\n',
    })
    expect(clients).toEqual({ code: 0, stdout: '', stderr: 'Nobody else is connected. A process hops on: await connect(url)\n' })
    expect(json).toEqual({ code: 0, stdout: '[]\n', stderr: '' })
  })
})

describe('waybill ping', () => {
  it('measures round trips to the router', async () => {
    const [text, json] = await Promise.all([ran(['ping'], env()), ran(['ping', '--count', '3', '--json'], env())])
    expect(text.stdout).toMatch(/^TARGET +COUNT +MIN MS +AVG MS +MAX MS\nwaybill\.Router +10( +\d+\.\d\d){3}\n$/)
    const { target, count, minMs, avgMs, maxMs } = JSON.parse(json.stdout) as Record<string, number>
    expect([target, count]).toEqual(['waybill.Router', 3])
    expect(0 < minMs! && minMs! <= avgMs! && avgMs! <= maxMs!).toBe(true)
    expect([text.code, text.stderr, json.code]).toEqual([0, '', 0])
  })

  it('says when a client has nothing that could answer, exit code 1', async () => {
    const idle = await connect(router.url, { name: 'idle' })
    const { code, stdout, stderr } = await ran(['ping', 'idle'], env())
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^waybill: NotExposed: idle is connected and offers nothing that could answer\n/)
    await idle.close()
  })
})

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
