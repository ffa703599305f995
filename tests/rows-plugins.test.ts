/** Rows 002-7, 002-8 and 002-9: what a plugin is, what is said of one that there is not, and who sends them work. */
import { Controller, loadPlugins, type Plugins, type Response } from '@waybill/plugins'
import { harness, type Harness } from '@waybill/testkit'
import { expect, test } from 'vitest'
import { isThere, modules, type Modules } from './fixtures/modules.js'

const echo = `
import { readFile, stat } from 'node:fs/promises'

const text = (bytes) => new TextDecoder().decode(bytes)

export const plugin = {
  name: 'echo',
  version: '1.2.0',
  actions: {
    bytes: { input: 'bytes', run: (bytes) => \`\${bytes.constructor.name} \${text(bytes)}\` },
    buffer: {
      input: 'buffer',
      async *run(pieces) {
        for await (const piece of pieces) yield text(piece)
      },
    },
    file: {
      input: 'file',
      async *run(path) {
        yield path
        yield (await stat(path)).mode & 0o777
        yield await readFile(path, 'utf8')
      },
    },
    many: {
      input: 'bytes',
      *run(bytes) {
        for (let n = 1; n <= Number(text(bytes)); n++) yield { n, at: new Date(0) }
        return 'nobody sees it'
      },
    },
    none: { input: 'bytes', run() {} },
    fails: {
      input: 'bytes',
      *run(bytes) {
        yield 'before'
        throw new RangeError('the well is dry')
      },
    },
    waits: { input: 'bytes', concurrency: 1, run: (_bytes, { signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))) },
    small: { input: 'bytes', maxInputBytes: 3, run: text },
  },
}

export function secret() {
  throw new Error('nobody may call it')
}
export const bytesOfSecret = 3
`

interface Stage extends AsyncDisposable {
  readonly h: Harness
  readonly plugins: Plugins
  readonly files: Modules
  controller(name: string): Promise<Controller>
}

/** A node \`node\` with the plugin \`echo\`; its incidents are told to nobody. */
async function stage(): Promise<Stage> {
  const h = harness()
  const files = await modules({ 'echo.mjs': echo })
  const node = await h.client('node', { onIncident: () => {} })
  const ports = h.processOf(node)
  const plugins = await loadPlugins({ from: [files.folder], client: node, ports })
  const controllers: Controller[] = []
  return {
    h,
    plugins,
    files,
    async controller(name) {
      const client = await h.client(name)
      const controller = new Controller(client, h.processOf(client).clock)
      controllers.push(controller)
      return controller
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(controllers.map((one) => one.close()))
      await h[Symbol.asyncDispose]()
      await files[Symbol.asyncDispose]()
    },
  }
}

async function all(controller: Controller, id: bigint | string): Promise<Response[]> {
  const responses: Response[] = []
  for await (const response of controller.responses(id)) responses.push(response)
  return responses
}

const payloads = (responses: readonly Response[]): unknown[] => responses.map(({ payload }) => payload)

test('row 002-7: bytes, a buffer or a file; n responses with serials from 1 on, then the end with serial n + 1 and its code', async () => {
  await using s = await stage()
  expect(s.plugins.failed).toEqual([])
  expect(s.plugins.loaded).toEqual([
    {
      name: 'echo',
      version: '1.2.0',
      actions: ['bytes', 'buffer', 'file', 'many', 'none', 'fails', 'waits', 'small'],
      file: s.files.path('echo.mjs'),
    },
  ])
  const controller = await s.controller('controller')
  const id = await controller.send('echo:many', '3')
  const part = (serial: number): Response => ({
    in_response_to: id,
    serial,
    code: 0,
    eof: false,
    payload: { n: serial, at: new Date(0) },
  })
  expect(await all(controller, id)).toEqual([
    part(1),
    part(2),
    part(3),
    { in_response_to: id, serial: 4, code: 0, eof: true, payload: undefined },
  ])
  const one = async (...given: Parameters<Controller['send']>): Promise<Response[]> => all(controller, await controller.send(...given))
  expect(await one('echo:none')).toMatchObject([{ serial: 1, code: 0, eof: true }])
  expect(payloads(await one('echo:bytes', 'héllo'))).toEqual(['Uint8Array héllo', undefined])
  expect(payloads(await one('echo:bytes'))).toEqual(['Uint8Array ', undefined])
  const long = new Uint8Array(200_000).fill(0x61)
  expect(payloads(await one('echo:bytes', long))).toEqual([`Uint8Array ${'a'.repeat(200_000)}`, undefined])

  // A buffer is given piece by piece: the second one is sent when the answer to the first is here.
  let more!: () => void
  const asked = new Promise<void>((resolve) => (more = resolve))
  const pieces = async function* () {
    yield new TextEncoder().encode('one')
    await asked
    yield new TextEncoder().encode('two')
  }
  const slow = await controller.send('echo:buffer', pieces())
  expect(await controller.recv(slow)).toMatchObject({ serial: 1, payload: 'one' })
  more()
  expect(await controller.recv(slow)).toMatchObject({ serial: 2, payload: 'two' })
  expect(await controller.recv(slow)).toMatchObject({ serial: 3, eof: true, code: 0 })

  // A file is its reader's alone, and gone when the action has ended, also where nobody reads on.
  const [path, mode, text] = payloads(await one('echo:file', { file: s.files.path('echo.mjs') }))
  expect([mode, text]).toEqual([0o600, echo])
  expect(await isThere(path as string)).toBe(false)
  let second = ''
  for await (const { payload } of controller.responses(await controller.send('echo:file', 'text'))) {
    expect(await isThere((second = payload as string))).toBe(true)
    break
  }
  await expect.poll(() => isThere(second)).toBe(false)

  // What is declared is all that there is, for a typed proxy too.
  const echoes = (await s.h.client('caller')).remote<{ many(n: string): AsyncGenerator<{ n: number }>; secret(): void }>('plugins.echo@^1')
  const seen: number[] = []
  for await (const { n } of echoes.many('2')) seen.push(n)
  expect(seen).toEqual([1, 2])
  await expect(echoes.secret()).rejects.toMatchObject({ code: 'Forbidden', executed: 'no' })
  await expect(echoes.many(3 as never)).rejects.toMatchObject({ code: 'BadArguments', executed: 'no' })
})

test('row 002-8: a directive that is none, a plugin, an action that is not there or not exported, and what a plugin throws', async () => {
  await using s = await stage()
  const controller = await s.controller('controller')
  const end = async (directive: string, payload?: string, options?: Parameters<Controller['send']>[2]): Promise<Response> => {
    const id = await controller.send(directive, payload, { recipient: 'node', ...options })
    const last = (await all(controller, id)).at(-1)!
    expect(last).toMatchObject({ in_response_to: id, code: 1, eof: true })
    return last
  }
  for (const [directive, says] of [
    ['execute', "An invalid directive ('execute') was specified."],
    ['sleep:execute', 'Error loading directive handlers for sleep'],
    ['../evil:execute', 'Error loading directive handlers for ../evil'],
    [':execute', 'Error loading directive handlers for '],
    ['echo:execute', 'Invalid action execute for echo'],
    ['echo:constructor', 'Invalid action constructor for echo'],
    ['echo:a:b', 'Invalid action a:b for echo'],
    ['echo:bytesOfSecret', 'Invalid action bytesOfSecret for echo'],
    ['echo:', 'Invalid action  for echo'],
    ['echo:secret', 'Access denied calling secret for echo'],
  ] as const) {
    const last = await end(directive)
    expect(last).toMatchObject({ serial: 1, payload: says })
    expect(last.error?.executed).toBe('no')
  }
  expect(await end('echo:fails')).toMatchObject({ serial: 2, payload: 'the well is dry', error: { executed: 'yes' } })
  expect(await end('echo:small', 'four')).toMatchObject({
    serial: 1,
    payload: 'the payload has more than the 3 bytes that the action takes',
  })
  expect(await end('echo:bytes', '', { recipient: 'nobody' })).toMatchObject({ payload: 'No route found to nobody' })
  const expired = controller.send('echo:bytes', '', { recipient: 'nobody', expire: '1s' })
  await s.h.advance(1500)
  expect(await controller.recv(await expired)).toMatchObject({ code: 1, eof: true, payload: expect.stringMatching(/^expired/) as string })
  await expect(controller.send('echo:file', { file: '/nowhere/x' })).rejects.toMatchObject({ code: 'ENOENT' })
})

test('row 002-9: several controllers at once, each with its own responses, by the id of a call as text or as a number', async () => {
  await using s = await stage()
  const [one, two] = [await s.controller('one'), await s.controller('two')]
  const counts = [1, 2, 3, 4, 5]
  const send = (controller: Controller): Promise<string[]> =>
    Promise.all(counts.map((count) => controller.send('echo:many', String(count), { recipient: 'node' })))
  const [ones, twos] = await Promise.all([send(one), send(two)])
  expect(new Set([...ones, ...twos]).size).toBe(10)

  // One that reads whatever comes, one that asks for each: the last one first.
  const read = new Map<string, number[]>(ones.map((id) => [id, []]))
  let ends = 0
  for await (const { in_response_to: id, serial, eof } of one) {
    read.get(id)!.push(serial)
    if (eof && ++ends === counts.length) break
  }
  expect([...read.values()]).toEqual(counts.map((count) => Array.from({ length: count + 1 }, (_, n) => n + 1)))
  for (const [n, id] of [...twos.entries()].toReversed()) {
    const number = BigInt(`0x${id.replaceAll('-', '')}`)
    const asked = [id, number, String(number), id.toUpperCase()][n % 4]!
    expect((await all(two, asked)).map(({ serial }) => serial)).toEqual(Array.from({ length: counts[n]! + 1 }, (_, at) => at + 1))
  }
  await expect(two.recv(twos[0]!)).rejects.toMatchObject({ code: 'NoSuchReceipt' })
  await expect(two.recv(ones[0]!)).rejects.toMatchObject({ code: 'NoSuchReceipt' })
  await expect(two.recv('17x')).rejects.toMatchObject({ code: 'BadAddress' })

  // Who waits for one call goes before who waits for any.
  const [any, first] = [two.recv(), await two.send('echo:many', '1')]
  const second = await two.send('echo:many', '1')
  const its = two.recv(second)
  expect(new Set([(await any).in_response_to, (await its).in_response_to])).toEqual(new Set([first, second]))
  expect((await its).in_response_to).toBe(second)
  await Promise.all([all(two, first), all(two, second)])

  // A ping says what is being done, for whom.
  const waiting = await one.send('echo:waits')
  await s.h.advance(0)
  // One at a time: this one has not begun.
  const queued = await two.send('echo:waits')
  await s.h.advance(0)
  const before = s.h.world.process('clock').clock.wallMs()
  expect(await two.ping('node')).toEqual({
    initial_time: new Date(before),
    response_time: new Date(before),
    active_work: [{ id: waiting, directive: 'echo:waits', sender: 'one' }],
  })
  await two.cancel(queued)
  expect(await two.recv(queued)).toMatchObject({ code: 1, eof: true, error: { code: 'Cancelled', executed: 'no' } })
  await one.cancel(BigInt(`0x${waiting.replaceAll('-', '')}`))
  expect(await one.recv(waiting)).toMatchObject({ serial: 1, code: 1, eof: true, error: { code: 'Cancelled' } })
  expect((await two.ping('node')).active_work).toEqual([])
  await expect(two.ping('nobody')).rejects.toMatchObject({ code: 'NoSuchClient' })
  await expect(two.ping('one')).rejects.toMatchObject({ code: 'NoSuchService' })

  // Whatever may never be answered ends by itself.
  const late = await one.send('echo:waits', '', { deadline: '1s' })
  await s.h.advance(1500)
  expect(await one.recv(late)).toMatchObject({ serial: 1, code: 1, eof: true, error: { code: 'DeadlineExceeded' } })

  // A controller that is closed leaves nothing waiting, here or there.
  const [never, more] = [two.recv(), await two.send('echo:waits')]
  const reading = two[Symbol.asyncIterator]().next()
  await two.close()
  await expect(never).rejects.toMatchObject({ code: 'Closed' })
  expect(await reading).toMatchObject({ done: true })
  await expect(two.send('echo:none')).rejects.toMatchObject({ code: 'Closed' })
  await expect(two.recv(more)).rejects.toMatchObject({ code: 'Closed' })
  await expect.poll(async () => (await one.ping('node')).active_work).toEqual([])
})
