/** Streams and bytes on the command line: in and out, as fast as whoever reads, and unharmed. Worker and router are in this process. */
import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, currentCall, service, type Client } from '@waybill/client'
import { createRouter, type RouterHandle } from '@waybill/server'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { Child, endChildren } from './fixtures/children.js'
import { begins, ran } from './fixtures/commands.js'

const MIB = 2 ** 20
let router: RouterHandle
let worker: Client
let folder: string
let env: Readonly<Record<string, string>>
let made = 0
let stopped = 0

/** Bytes that are nowhere the same. */
function piece(at: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length)
  for (let n = 0; n < length; n++) bytes[n] = ((at + n) * 2_654_435_761) >>> 13
  return bytes
}

class Nose {
  async *smells(count: number): AsyncGenerator<unknown, number | undefined> {
    try {
      for (let n = 0; n < count; n++) {
        made++
        yield n % 2 === 0 ? `smell ${n}` : { n, at: new Date(0) }
      }
      return count === 3 ? 3 : undefined
    } finally {
      stopped++
    }
  }
  async *tires(): AsyncGenerator<string> {
    yield 'one'
    yield 'two\nlines'
    throw new TypeError('secret')
  }
  async *waits(): AsyncGenerator<string> {
    const { signal } = currentCall()
    yield 'first'
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    stopped++
  }
  bytes(length: number): ReadableStream<Uint8Array> {
    let sent = 0
    return new ReadableStream({
      type: 'bytes',
      pull: (controller) => {
        if (sent === length) return controller.close()
        const next = piece(sent, Math.min(65_536, length - sent))
        sent += next.byteLength
        made++
        controller.enqueue(next)
      },
      cancel: () => void stopped++,
    })
  }
  zeros(mib: number): ReadableStream<Uint8Array> {
    let left = mib * 16
    return new ReadableStream({
      type: 'bytes',
      pull: (controller) => (left-- === 0 ? controller.close() : controller.enqueue(new Uint8Array(65_536))),
    })
  }
  whole(length: number): Uint8Array {
    return piece(0, length)
  }
  async digest(bytes: AsyncIterable<Uint8Array> | Uint8Array): Promise<string> {
    const hash = createHash('sha256')
    if (bytes instanceof Uint8Array) return `whole ${hash.update(bytes).digest('hex')}`
    for await (const one of bytes) hash.update(one)
    return `stream ${hash.digest('hex')}`
  }
  through(bytes: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
    return bytes
  }
  async list(values: AsyncIterable<unknown>): Promise<unknown[]> {
    const all: unknown[] = []
    for await (const value of values) all.push(value)
    return all
  }
  echo(...values: unknown[]): unknown {
    return values
  }
  both() {
    return { name: 'rex', left: this.waits(), right: [this.bytes(10)] }
  }
}
const names = ['smells', 'tires', 'waits', 'bytes', 'zeros', 'whole', 'digest', 'through', 'list', 'echo', 'both'] as const
const nose = service<Nose>('Nose@1.0.0', Object.fromEntries(names.map((name) => [name, {}])) as never)

const call = (...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> => ran(['call', ...args], env)
const digestOf = (length: number): string => createHash('sha256').update(piece(0, length)).digest('hex')
async function* input(...pieces: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const one of pieces) yield typeof one === 'string' ? new TextEncoder().encode(one) : one
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waybill-streams-'))
  router = await createRouter({ listen: { port: 0 } })
  env = { WAYBILL_URL: router.url! }
  worker = await connect(router.url!, { name: 'nose', onIncident: () => {} })
  await worker.expose(nose, new Nose())
})
afterEach(async () => {
  // Whatever became of the command, nothing of its call goes on.
  await vi.waitFor(() => expect(worker.pending.incoming).toBe(0), 10_000)
  made = 0
  stopped = 0
})
afterAll(async () => {
  await endChildren()
  await worker.close()
  await router.close()
  await rm(folder, { recursive: true })
})

describe('a result that is a stream', () => {
  it('is a line for each value, and what the generator returned stands beside it', async () => {
    const [text, json, silent] = await Promise.all([
      call('Nose.smells', '3'),
      call('Nose.smells', '3', '--json'),
      call('Nose.smells', '1', '--json'),
    ])
    expect(text).toEqual({
      code: 0,
      stdout: 'smell 0\n{"n":1,"at":"1970-01-01T00:00:00.000Z"}\nsmell 2\n',
      stderr: 'returned: 3\n',
    })
    expect(json).toEqual({
      code: 0,
      stdout: '"smell 0"\n{"n":1,"at":"1970-01-01T00:00:00.000Z"}\n"smell 2"\n',
      stderr: '{"returned":3}\n',
    })
    expect(silent).toEqual({ code: 0, stdout: '"smell 0"\n', stderr: '' })
  })

  it('is out before its exception is told, exit code 1', async () => {
    const [text, json] = await Promise.all([call('Nose.tires'), call('Nose.tires', '--json')])
    expect(text).toMatchObject({ code: 1, stdout: 'one\n"two\\nlines"\n' })
    expect(text.stderr).toMatch(/^waybill: TypeError: .*\n {2}incident .*\n {2}executed +yes, it ran\n/)
    expect(json).toMatchObject({ code: 1, stdout: '"one"\n"two\\nlines"\n' })
    expect(JSON.parse(json.stderr)).toMatchObject({ error: { xclass: 'TypeError', executed: 'yes' } })
  })

  it('runs no further ahead than whoever reads, and stops when he has seen enough, exit code 0', async () => {
    let taken = 0
    let go!: () => void
    const slow = new Promise<void>((resolve) => (go = resolve))
    const command = begins(['call', 'Nose.smells', '1000000'], env, {
      reader: async () => {
        if (++taken === 2) await slow
        return taken < 4
      },
    })
    await command.prints(/^smell 0$/m)
    // The credit of the stream, and not one more.
    await vi.waitFor(() => expect(made).toBe(256), 10_000)
    expect(command.stdout).toBe('smell 0\n')
    go()
    expect(await command.ended).toMatchObject({ code: 0 })
    expect(command.stdout.split('\n')).toHaveLength(4)
    expect(command.stderr).toBe('')
    await vi.waitFor(() => expect(stopped).toBe(1), 10_000)
  })

  it('is cancelled by Ctrl-C, exit code 130', async () => {
    const command = begins(['call', 'Nose.waits'], env)
    await command.prints(/^first$/m)
    command.interrupt()
    expect(await command.ended).toMatchObject({ code: 130 })
    expect(command.stderr).toMatch(/^waybill: Cancelled: /)
    await vi.waitFor(() => expect(stopped).toBe(1), 10_000)
  })

  it('inside another value is named there, and ended', async () => {
    const [text, json] = await Promise.all([call('Nose.both'), call('Nose.both', '--json')])
    expect(JSON.parse(text.stdout)).toEqual({ name: 'rex', left: '[stream of values]', right: ['[stream of bytes]'] })
    expect(text).toMatchObject({
      code: 0,
      stderr: 'waybill: the result holds streams, which only a program can read: they were ended unread\n',
    })
    expect(JSON.parse(json.stdout)).toEqual({ result: { name: 'rex', left: '[stream of values]', right: ['[stream of bytes]'] } })
  })
})

describe('a result of many', () => {
  it('is named where it is a stream, and ended', async () => {
    expect(await call('Nose.waits', '--all')).toEqual({ code: 0, stdout: 'nose  [stream of values]\n', stderr: '' })
    expect(JSON.parse((await call('Nose.waits', '--all', '--json')).stdout)).toMatchObject({ results: { nose: '[stream of values]' } })
  })
})

describe('waybill trace', () => {
  interface Traced {
    readonly steps: readonly { readonly event: string; readonly atMs: number; readonly text?: string; readonly count?: number }[]
    readonly result: unknown
    readonly error: { readonly code: string }
  }
  const traced = async (...args: string[]): Promise<Traced & { code: number | null }> => {
    const { code, stdout } = await ran(['trace', ...args, '--json'], env)
    return { ...(JSON.parse(stdout) as Traced), code }
  }

  it('says when what became of a call, with the exit code of it', async () => {
    const [plain, stream, many, thrown, none] = await Promise.all([
      traced('Nose.echo', '1'),
      traced('Nose.smells', '3'),
      traced('Nose.smells', '100'),
      traced('Nose.tires'),
      traced('Nose.bark'),
    ])
    const eventsOf = ({ steps }: Traced): string[] => steps.map(({ event }) => event)
    expect(eventsOf(plain)).toEqual(['sent', 'accepted', 'started', 'result'])
    expect(plain).toMatchObject({ code: 0, call: 'Nose.echo', result: [1] })
    expect(plain.steps.map(({ atMs }) => atMs)).toEqual(plain.steps.map(({ atMs }) => atMs).toSorted((a, b) => a - b))
    expect(eventsOf(stream)).toEqual(['sent', 'accepted', 'started', 'opened', 'item', 'item', 'item', 'returned', 'result'])
    expect(stream.steps.at(-2)).toMatchObject({ text: '3' })
    expect(stream.steps.map(({ atMs }) => atMs)).toEqual(stream.steps.map(({ atMs }) => atMs).toSorted((a, b) => a - b))
    expect(many.steps.filter(({ event }) => event === 'item').map(({ count }) => count)).toEqual([...Array<undefined>(5), 95])
    expect(eventsOf(thrown)).toEqual(['sent', 'accepted', 'started', 'opened', 'item', 'item', 'exception'])
    expect(thrown).toMatchObject({ code: 1, error: { code: 'RemoteException' } })
    expect(eventsOf(none)).toEqual(['sent', 'rejected'])
    expect(none).toMatchObject({ code: 1, error: { code: 'NoSuchMethod' } })
  })

  it('says it to people, the failure beside it; Ctrl-C cancels the call, exit code 130', async () => {
    const { code, stdout, stderr } = await ran(['trace', 'Nose.tires'], env)
    expect({ code, title: stdout.split('\n')[0] }).toEqual({
      code: 1,
      title: expect.stringMatching(/^Nose\.tires: exception after \d+\.\d\d ms$/),
    })
    expect(stderr).toMatch(/^waybill: TypeError: /)
    const command = begins(['trace', 'Nose.waits', '--json'], env)
    await vi.waitFor(() => expect(worker.pending.incoming).toBe(1))
    command.interrupt()
    expect(await command.ended).toMatchObject({ code: 130 })
    expect(JSON.parse(command.stdout)).toMatchObject({ error: { code: 'Cancelled' } })
  })
})

describe('bytes out', () => {
  it('are as they are, but on a terminal', async () => {
    const [stream, whole] = [begins(['call', 'Nose.bytes', '100000'], env), begins(['call', 'Nose.whole', '1000'], env)]
    await Promise.all([stream.ended, whole.ended])
    expect(Buffer.concat(stream.pieces as Uint8Array[]).equals(piece(0, 100_000))).toBe(true)
    expect(whole.pieces).toEqual([piece(0, 1000)])
    const screen = begins(['call', 'Nose.bytes', '100000'], env, { columns: 160 })
    expect(await screen.ended).toMatchObject({ code: 1 })
    expect(screen.stdout).toMatch(/^waybill: the result is a stream of bytes, and a terminal is no place for them: .*--force\r\n$/)
    const shown = begins(['call', 'Nose.whole', '3'], env, { columns: 160 })
    await shown.ended
    expect(shown.stdout).toMatch(/^Uint8Array\(3\) \[/)
    const forced = begins(['call', 'Nose.bytes', '5', '--force'], env, { columns: 160 })
    expect(await forced.ended).toMatchObject({ code: 0 })
    expect(forced.pieces).toEqual([piece(0, 5)])
    const json = await call('Nose.bytes', '5', '--json')
    expect(json.stdout).toBe(`"${Buffer.from(piece(0, 5)).toString('base64')}"\n`)
  })
})

describe('input', () => {
  it('is a file or stdin, as a value, as bytes, as a stream of bytes or of values', async () => {
    const [json, text, binary] = ['a.json', 'b.txt', 'c'].map((name) => join(folder, name)) as [string, string, string]
    await Promise.all([writeFile(json, '{"a":[1]}\n'), writeFile(text, 'hello\n'), writeFile(binary, piece(0, 300_000))])
    const lines = join(folder, 'lines')
    await writeFile(lines, '1\n{"a":2}\r\n\nthree\n"4"')
    const [values, whole, stream, list] = await Promise.all([
      call('Nose.echo', `@${json}`, `@${text}`, '"@rex"', 'bytes:rex', '@', '--json'),
      call('Nose.digest', `bytes:@${binary}`),
      call('Nose.digest', `stream:@${binary}`),
      call('Nose.list', `lines:@${lines}`, '--json'),
    ])
    expect(JSON.parse(values.stdout)).toEqual({ result: [{ a: [1] }, 'hello\n', '@rex', 'bytes:rex', '@'] })
    expect(whole.stdout).toBe(`whole ${digestOf(300_000)}\n`)
    expect(stream.stdout).toBe(`stream ${digestOf(300_000)}\n`)
    expect(JSON.parse(list.stdout)).toEqual({ result: [1, { a: 2 }, 'three', '4'] })
    const stdin = (...pieces: readonly (string | Uint8Array)[]) => ({ input: input(...pieces) })
    const [value, bytes, piped, each] = await Promise.all([
      ran(['call', 'Nose.echo', '-', '--json'], env, stdin('[1,', '2]')),
      ran(['call', 'Nose.digest', 'bytes:-'], env, stdin(piece(0, 1000), piece(1000, 500))),
      ran(['call', 'Nose.digest', 'stream:-'], env, stdin(piece(0, 1000), new Uint8Array(), piece(1000, 500))),
      ran(['call', 'Nose.list', 'lines:-', '--json'], env, stdin('"ä', 'b"\n', new Uint8Array([0xc3]), new Uint8Array([0xa4]))),
    ])
    expect(JSON.parse(value.stdout)).toEqual({ result: [[1, 2]] })
    expect(bytes.stdout).toBe(`whole ${digestOf(1500)}\n`)
    expect(piped.stdout).toBe(`stream ${digestOf(1500)}\n`)
    expect(JSON.parse(each.stdout)).toEqual({ result: ['äb', 'ä'] })
  })

  it('that cannot be is wrong usage, before anything is sent', async () => {
    const wrong = join(folder, 'wrong.json')
    const binary = join(folder, 'binary')
    await Promise.all([writeFile(wrong, '{'), writeFile(binary, new Uint8Array([0xff]))])
    const nowhere = { WAYBILL_URL: 'ws://127.0.0.1:1' }
    for (const [args, says] of [
      [['call', 'Nose.echo', '@/nowhere/x'], 'cannot read /nowhere/x'],
      [['call', 'Nose.echo', 'stream:@/nowhere/x'], 'cannot read /nowhere/x'],
      [['call', 'Nose.echo', `lines:@${folder}`], 'it is a directory'],
      [['call', 'Nose.echo', '-', 'stream:-'], 'two arguments want stdin'],
      [['call', 'Nose.echo', `@${wrong}`], 'wrong.json is not JSON'],
      [['call', 'Nose.echo', `@${binary}`], `give it as bytes:@${binary}`],
      [['publish', 'a.b', 'stream:-'], 'a stream can only be the argument of a call'],
    ] as const) {
      const { code, stdout, stderr } = await ran(args, nowhere)
      expect(stderr).toContain(says)
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    }
  })

  it('of an event is a file too', async () => {
    const events = worker.events('nose.*')
    await events.ready
    expect(await ran(['publish', 'nose.wet', '-'], env, { input: input('{"wet":true}') })).toMatchObject({ code: 0 })
    expect((await events.next()).value).toMatchObject({ value: { wet: true } })
    await events.return?.()
  })

  it('cannot be stored or sent one way as a stream, exit code 1', async () => {
    const [stored, sent] = await Promise.all([
      ran(['call', 'Nose.digest', 'stream:-', '--async'], env, { input: input('x') }),
      ran(['call', 'Nose.digest', 'stream:-', '--send'], env, { input: input('x') }),
    ])
    expect([stored.code, sent.code]).toEqual([1, 1])
    expect(stored.stderr).toContain('NotStorable')
    expect(sent.stderr).toContain('NotRepresentable')
  })
})

describe('as a process', { timeout: 60_000 }, () => {
  const command = `${JSON.stringify(process.execPath)} packages/cli/bin/waybill.js`
  const shell = async (script: string): Promise<{ code: number | null; stdout: string; stderr: string }> => {
    const child = new Child('bash', ['-c', script], env)
    const { code } = await child.ended
    return { code, stdout: child.stdout, stderr: child.stderr }
  }

  it('16 MiB go up and down through pipes byte for byte', async () => {
    const [sent, received] = [join(folder, 'sent'), join(folder, 'received')]
    await writeFile(sent, piece(0, 16 * MIB))
    const pipe = `cat ${sent} | ${command} call Nose.through stream:- | cat > ${received}; echo "\${PIPESTATUS[@]}"; cmp ${sent} ${received}`
    expect(await shell(pipe)).toEqual({ code: 0, stdout: '0 0 0\n', stderr: '' })
  })

  it('a slow reader is waited for in bounded memory', async () => {
    const measured = `--import 'data:text/javascript,process.once("exit",()=>console.error(process.resourceUsage().maxRSS))'`
    const pipe = `${command.replace(' ', ` ${measured} `)} call Nose.zeros 96 | (sleep 1.5; wc -c)`
    const { stdout, stderr } = await shell(pipe)
    expect(Number(stdout)).toBe(96 * MIB)
    // 70 of it are Node.
    expect(Number(stderr) / 1024).toBeLessThan(140)
  })

  it('what a slow reader takes is whole, though the command has long been done', async () => {
    const there = await shell(`${command} call Nose.whole ${4 * MIB} | (sleep 1; sha256sum)`)
    expect(there.stdout).toBe(`${digestOf(4 * MIB)}  -\n`)
  })

  it('head ends the stream, exit code 0', async () => {
    const there = await shell(`${command} call Nose.smells 100000000 | head -1; echo "\${PIPESTATUS[0]}"`)
    expect(there).toEqual({ code: 0, stdout: 'smell 0\n0\n', stderr: '' })
    await vi.waitFor(() => expect(stopped).toBe(1), 10_000)
  })
})
