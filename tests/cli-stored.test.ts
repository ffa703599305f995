/**
 * The verbs and options of the command for calls beside the plain one: stored, followed, sent, to all. The callees are in this process, and the commands
 * too, but where the process is the point.
 */
import { connect, currentCall, service, type Client } from '@waybill/client'
import { createRouter, type RouterHandle } from '@waybill/server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { endChildren, startRouter, waybill } from './fixtures/children.js'
import { begins as starts, ran as runs, type CommandRun } from './fixtures/commands.js'

/** What the callees have seen. */
const seen: string[] = []
/** Ends a `wait` that runs, by what it was given. */
const waiting = new Map<string, (value: string) => void>()
const clients: Client[] = []
let router: RouterHandle
const env = (): Record<string, string> => ({ WAYBILL_URL: router.url! })
const ran = (...args: string[]): ReturnType<typeof runs> => runs(args, env())
const begins = (...args: string[]): CommandRun => starts(args, env())

const cow = (version: string) => service<Cow>(`Cow@${version}`, { moo: {}, say: {}, wait: {}, fail: {}, told: {} })
interface Cow {
  moo(...what: unknown[]): unknown
  say(text: string): void
  wait(key: string): Promise<string>
  fail(): never
  told(): unknown
}

class Named {
  readonly name: string
  constructor(...[name]: unknown[]) {
    this.name = String(name)
  }
  who(): string {
    return this.name
  }
}

async function farm(name: string, region: string): Promise<Client> {
  const client = await connect(router.url!, { name, labels: { region }, onIncident: () => {} })
  clients.push(client)
  await client.expose(cow('1.0.0'), {
    moo: (...what) => (what.length === 0 ? name : what),
    say: (text) => void seen.push(`${name} ${text}`),
    wait: async (key) => {
      const { signal, progress } = { signal: currentCall().signal, progress: currentCall().progress.bind(currentCall()) }
      progress({ total: 4, completed: 1, details: 'chewing' })
      seen.push(`waits ${key}`)
      return new Promise<string>((resolve, reject) => {
        waiting.set(key, resolve)
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
      })
    },
    fail: () => {
      throw new RangeError('dry')
    },
    told: () => currentCall().data,
  })
  return client
}

beforeAll(async () => {
  router = await createRouter({ listen: { port: 0 } })
  const client = await farm('meadow', 'eu')
  await farm('stable', 'us')
  await client.expose(service<Named>('Named@1.0.0', { who: {} }, { instance: 'call' }), Named)
})
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close({ drainMs: 0 })))
  await router.close()
  await endChildren()
})

const SN = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\n$/
const UNKNOWN = '018f3c1e-7a00-8dea-b6fb-bc0000000001'
const until = (what: string): Promise<void> => expect.poll(() => seen, { timeout: 10_000 }).toContain(what)
const form = <T>({ stdout }: { readonly stdout: string }): T => JSON.parse(stdout) as T
async function stored(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await ran('call', ...args, '--async')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(SN)
  return stdout.trim()
}

describe.concurrent('what makes no sense', () => {
  it.for([
    { args: ['call', 'Cow.moo', '--send', '--async'], says: /'--send' cannot be used with option '--async'/ },
    { args: ['call', 'Cow.moo', '--all', '--follow'], says: /'--all' cannot be used with option '--follow'/ },
    { args: ['call', 'Cow.moo', '--named', '[1]'], says: /--named: "\[1\]" is not a JSON object, such as/ },
    { args: ['call', 'Cow.moo', '--named', '{'], says: /--named: "\{" is not a JSON object/ },
    { args: ['call', 'Cow.moo', '--construct', '{}'], says: /--construct: "\{\}" is not a JSON list/ },
    { args: ['call', 'Cow.moo', '--where', 'eu'], says: /--where: "eu" is not label=value/ },
    { args: ['call', 'Cow.moo', '--ttl', 'soon'], says: /--ttl: .* is not a time/ },
    { args: ['call', 'Cow.moo', '--sticky', ''], says: /--sticky: a key has at least one character/ },
    { args: ['receipt'], says: /missing required argument 'sn'/ },
    { args: ['receipt', '42'], says: /"42" is not the serial number of a receipt: see `waybill receipts`/ },
    { args: ['receipts', '--state', 'lost'], says: /'lost' is invalid\. Allowed choices are pending, stored/ },
    { args: ['receipts', '--limit', '0'], says: /A limit is a whole number from 1 to 1000/ },
    { args: ['receipts', '--match', 'x'], says: /--match: "x" is not a JSON object/ },
    { args: ['receipts', '--cancel'], says: /--cancel: say which/ },
    { args: ['receipts', '--cancel', '--limit', '3'], says: /--cancel: say which/ },
  ])('is wrong usage, exit code 2: $args', async ({ args, says }, { expect }) => {
    const { code, stdout, stderr } = await ran(...args)
    expect(stderr).toMatch(says)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  })
})

describe('waybill call', () => {
  it('--async prints the sn as soon as the router has it, and the call outlives the command', async () => {
    const sn = await stored('Cow.wait', 'outlives', '--on', 'meadow')
    await until('waits outlives')
    const pending = await ran('receipt', sn, '--json')
    expect(form(pending)).toMatchObject({ receipt: sn, service: 'Cow', method: 'wait', progress: { total: 4, completed: 1 } })
    expect(form(pending)).not.toHaveProperty('result')
    waiting.get('outlives')!('grass')
    await expect.poll(async () => form(await ran('receipt', sn, '--json'))).toMatchObject({ state: 'succeeded', result: 'grass' })
    expect(form(await ran('call', 'Cow.moo', '--async', '--json'))).toEqual({ receipt: expect.stringMatching(/^[0-9a-f-]{36}$/) as string })
  })

  it('--async stores a call for a service that is not there, --ttl says for how long', async () => {
    const sn = await stored('Goat.climb', '--ttl', '200ms')
    const { code, stderr } = await ran('receipt', sn, '--follow')
    expect(stderr).toMatch(/^waybill: Expired: .*\n {2}executed +no, it did not run\n/)
    expect(code).toBe(1)
  })

  it('--async has nothing to store where the router itself is called', async () => {
    const { code, stdout, stderr } = await ran('call', 'waybill.Router.info', '--async')
    expect(stderr).toMatch(/^waybill: NotStorable: waybill\.Router answers at once; its calls are not stored\n/)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  })

  it('--ttl has a plain call wait for somebody to come', async () => {
    const calling = begins('call', 'Sheep.baa', '--ttl', '10s')
    const client = await connect(router.url!)
    clients.push(client)
    await client.expose(service<{ baa(): string }>('Sheep@1.0.0', { baa: {} }), { baa: () => 'baa' })
    expect(await calling.ended).toMatchObject({ code: 0 })
    expect(calling.stdout).toBe('baa\n')
    await client.close()
  })

  it('--follow stays for the outcome, says the sn at once and prints the result alone', async () => {
    const [result, exception, json] = await Promise.all([
      ran('call', 'Cow.moo', '1', '--follow'),
      ran('call', 'Cow.fail', '--follow', '--async'),
      ran('call', 'Cow.moo', '2', '--follow', '--json'),
    ])
    expect(result).toMatchObject({ code: 0, stdout: '[\n  1\n]\n', stderr: expect.stringMatching(/^Stored as [0-9a-f-]{36}\n$/) as string })
    expect(exception.stderr).toMatch(/^Stored as .*\nwaybill: RangeError: dry\n/)
    expect(exception).toMatchObject({ code: 1, stdout: '' })
    expect(form(json)).toEqual({ receipt: expect.any(String) as string, result: [2] })
    expect(json.stderr).toBe('')
  })

  it('Ctrl-C while following leaves the call running and says how to look at it again, exit code 130', async () => {
    const following = waybill(['call', 'meadow/Cow.wait', 'left', '--follow'], env())
    await until('waits left')
    // The method may be at work before the command has heard that the call is stored.
    await expect.poll(() => following.stderr, { timeout: 20_000 }).toMatch(/^Stored as/)
    following.kill('SIGINT')
    expect(await following.ended).toEqual({ code: 130, signal: null })
    expect(following.stderr).toMatch(/^Stored as ([0-9a-f-]{36})\nThe call goes on\. Look at it again with: waybill receipt \1\n$/)
    const [sn] = /[0-9a-f-]{36}/.exec(following.stderr)!
    const again = begins('receipt', sn, '--follow', '--json')
    // The method is at work before the router has heard of it.
    await expect.poll(async () => form(await ran('receipt', sn, '--json')), { timeout: 10_000 }).toMatchObject({ state: 'started' })
    waiting.get('left')!('still here')
    expect(await again.ended).toMatchObject({ code: 0 })
    expect(form(again)).toEqual({ receipt: sn, result: 'still here' })
  })

  it('Ctrl-C may come as soon as it has said that the call is stored', async () => {
    const following = starts(['call', 'meadow/Cow.wait', 'at once', '--follow'], env(), { interruptedAt: /^Stored as/ })
    expect(await following.ended).toEqual({ code: 130, signal: null })
    expect(following.stderr).toMatch(/^Stored as .*\nThe call goes on\./)
    await until('waits at once')
    waiting.get('at once')!('still here')
  })

  it('--follow survives a router that comes back without what it had stored, and says so', async () => {
    const first = await startRouter()
    const following = starts(['call', 'Goat.climb', '--follow', '--url', first.url])
    await expect.poll(() => following.stderr, { timeout: 10_000 }).toMatch(/^Stored as/)
    first.child.kill('SIGKILL')
    await first.child.ended
    await startRouter(['--port', String(first.port)])
    expect(await following.ended).toMatchObject({ code: 1 })
    expect(following.stderr).toMatch(/\nwaybill: RouterLost: the router that had stored the call is gone.*\n {2}executed {2}maybe/)
  })

  it('--send prints a serial number, and the call runs', async () => {
    const [text, json] = await Promise.all([ran('call', 'Cow.say', 'moo1', '--send'), ran('call', 'Cow.say', 'moo2', '--send', '--json')])
    expect(text).toMatchObject({ code: 0, stdout: expect.stringMatching(SN) as string, stderr: '' })
    expect(form(json)).toEqual({ sent: expect.any(String) as string })
    await expect
      .poll(() =>
        seen
          .filter((one) => /moo\d/.test(one))
          .map((one) => one.slice(-4))
          .toSorted(),
      )
      .toEqual(['moo1', 'moo2'])
  })

  it('--all prints a line for each, exit code 0 only where each gave a result', async () => {
    const [results, json, exceptions, one, nobody] = await Promise.all([
      ran('call', 'Cow.moo', '--all'),
      ran('call', 'Cow.moo', '--all', '--json'),
      ran('call', 'Cow.fail', '--all'),
      ran('call', 'Cow.moo', '{"a":"b\\nc"}', '--all', '--where', 'region=eu'),
      ran('call', 'Goat.climb', '--all', '--json'),
    ])
    expect(results.stdout.trim().split('\n').toSorted()).toEqual(['meadow  meadow', 'stable  stable'])
    expect(results).toMatchObject({ code: 0, stderr: '' })
    expect(form(json)).toEqual({ results: { meadow: 'meadow', stable: 'stable' }, exceptions: {}, missing: [] })
    expect(exceptions.stdout.trim().split('\n').toSorted()).toEqual(
      ['meadow', 'stable'].map((name) => `${name}  exception  RangeError: dry  (executed: yes)`),
    )
    expect(exceptions.code).toBe(1)
    expect(one).toMatchObject({ code: 0, stdout: 'meadow  [{"a":"b\\nc"}]\n' })
    expect(form(nobody)).toMatchObject({ error: { code: 'NoSuchService', executed: 'no' } })
    expect(nobody.code).toBe(1)
  })

  it('--all says who is missing and why; Ctrl-C cancels them all', async () => {
    const late = await ran('call', 'Cow.wait', 'late', '--all', '--deadline', '300ms')
    expect(late.stdout.trim().split('\n').toSorted()).toEqual(
      ['meadow', 'stable'].map((name) => expect.stringMatching(new RegExp(`^${name} {2}missing {2}DeadlineExceeded: `)) as string),
    )
    expect(late.code).toBe(1)
    const cancelled = begins('call', 'Cow.wait', 'never', '--all')
    await until('waits never')
    cancelled.interrupt()
    expect(await cancelled.ended).toEqual({ code: 130, signal: null })
    expect(cancelled.stderr).toMatch(/^waybill: Cancelled: /)
  })

  it('passes on where it may go, and what travels beside its arguments', async () => {
    const options = (...more: string[]): string[] => ['--json', ...more]
    const [where, nowhere, named, made, shared, data, ordered] = await Promise.all([
      ran('call', 'Cow.moo', ...options('--where', 'region=us')),
      ran('call', 'Cow.moo', ...options('--where', 'region=eu', '--where', 'size=big')),
      ran('call', 'Cow.moo', '1', ...options('--named', '{"loud":true}')),
      ran('call', 'Named.who', ...options('--construct', '["rex"]')),
      ran('call', 'Cow.moo', ...options('--construct', '["rex"]')),
      ran('call', 'Cow.told', ...options('--data', '{"a":1}')),
      ran('call', 'Cow.moo', '1', ...options('--order-key', 'k', '--sticky', 's')),
    ])
    expect(form(where)).toEqual({ result: 'stable' })
    expect(form(nowhere)).toMatchObject({ error: { executed: 'no' } })
    expect(form(named)).toEqual({ result: [1, { loud: true }] })
    expect(form(made)).toEqual({ result: 'rex' })
    expect(form(shared)).toMatchObject({ error: { code: 'Rejected' } })
    expect(form(data)).toEqual({ result: { a: 1 } })
    expect(form(ordered)).toEqual({ result: [1] })
  })

  it('--sticky goes to the same instance, again and again', async () => {
    const all = await Promise.all(Array.from({ length: 4 }, () => ran('call', 'Cow.moo', '--sticky', 'daisy')))
    expect(new Set(all.map(({ stdout }) => stdout)).size).toBe(1)
  })
})

describe('waybill receipt', () => {
  it('prints what is known, and the outcome as call does, with its exit code', async () => {
    const [good, bad] = await Promise.all([stored('Cow.moo', '7', '--data', '{"group":1}'), stored('Cow.fail')])
    await expect.poll(async () => form<readonly unknown[]>(await ran('receipts', '--state', 'failed', '--json'))).not.toEqual([])
    const [text, failed] = await Promise.all([ran('receipt', good.toUpperCase()), ran('receipt', bad)])
    expect(text.stdout).toMatch(
      new RegExp(
        [
          '^Cow\\.moo: succeeded',
          `  receipt   ${good}`,
          '  client    client-\\w+',
          '  stored    \\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ, \\d+s ago',
          '  ended     \\S+Z, \\d+s ago',
          '  data      \\{"group":1\\}',
          '  history   stored',
          '            handed to \\w+, [\\d.]+ m?s later',
          '            accepted, [\\d.]+ m?s later',
          '            started, [\\d.]+ m?s later',
          '            succeeded, [\\d.]+ m?s later',
          '\\[\\n  7\\n\\]\\n$',
        ].join('\\n'),
      ),
    )
    expect(text).toMatchObject({ code: 0, stderr: '' })
    expect(failed.stdout).toMatch(/^Cow\.fail: failed\n/)
    expect(failed.stderr).toMatch(/^waybill: RangeError: dry\n/)
    expect(failed.code).toBe(1)
  })

  it('of nobody knows nothing, exit code 1', async () => {
    const [text, json, follow] = await Promise.all([
      ran('receipt', UNKNOWN),
      ran('receipt', UNKNOWN, '--json'),
      ran('receipt', UNKNOWN, '--follow', '--cancel'),
    ])
    expect(text.stderr).toMatch(/^waybill: NoSuchReceipt: .*\n {2}to do +see what the router keeps for you with `waybill receipts`\n$/)
    expect(form(json)).toMatchObject({ error: { code: 'NoSuchReceipt', executed: 'no' } })
    expect([text.code, json.code, follow.code]).toEqual([1, 1, 1])
    expect(follow.stderr).toBe(text.stderr)
  })

  it('--cancel asks for the cancel; with --follow it stays for what became of it', async () => {
    const [one, two] = await Promise.all([stored('Cow.wait', 'one', '--on', 'meadow'), stored('Cow.wait', 'two', '--on', 'meadow')])
    await Promise.all([until('waits one'), until('waits two')])
    const [plain, followed] = await Promise.all([ran('receipt', one, '--cancel'), ran('receipt', two, '--cancel', '--follow')])
    expect(plain).toEqual({ code: 0, stdout: '', stderr: 'Its cancel has been asked for.\n' })
    expect(followed.stderr).toMatch(/^Its cancel has been asked for\.\nwaybill: Cancelled: .*\n {2}executed +maybe/)
    expect(followed.code).toBe(1)
    const again = await ran('receipt', one, '--cancel')
    expect(again.stderr).toMatch(/^It had ended before\.\nwaybill: Cancelled: /)
    expect(again.stdout).toMatch(/^Cow\.wait: cancelled\n/)
  })
})

describe('waybill receipts', () => {
  it('lists those that fit, the newest first', async () => {
    const first = await stored('Pig.oink', '--data', '{"group":7}')
    const second = await stored('Pig.dig', '--data', '{"group":7,"deep":true}')
    const [table, json, method, match, other, limited] = await Promise.all([
      ran('receipts', '--service', 'Pig'),
      ran('receipts', '--service', 'Pig', '--json', '--state', 'pending'),
      ran('receipts', '--service', 'Pig', '--method', 'oink', '--json'),
      ran('receipts', '--match', '{"deep":true}', '--json'),
      ran('receipts', '--client', 'nobody'),
      ran('receipts', '--service', 'Pig', '--limit', '1'),
    ])
    expect(table.stdout).toMatch(
      new RegExp(
        `^RECEIPT +STATE +CALL +CLIENT +AGE +LOST\\n${second} {2}stored {2}Pig\\.dig {3}client-\\w+ +\\d+s +0\\n${first} {2}stored {2}Pig\\.oink {2}client-`,
      ),
    )
    const sns = (listed: { readonly stdout: string }): string[] => form<readonly { sn: string }[]>(listed).map(({ sn }) => sn)
    expect([sns(json), sns(method), sns(match)]).toEqual([[second, first], [first], [second]])
    expect(other).toEqual({ code: 0, stdout: '', stderr: 'No stored call of yours fits.\n' })
    expect(limited.stdout.split('\n')).toHaveLength(3)
    expect(limited.stderr).toBe('These are the newest 1; --limit shows more.\n')
  })

  it('--cancel cancels those that fit and no others, and says which', async () => {
    const [one, two, kept] = await Promise.all([
      stored('Hen.lay', '--data', '{"group":2}'),
      stored('Hen.lay', '--data', '{"group":2}'),
      stored('Hen.lay', '--data', '{"group":3}'),
    ])
    const cancelled = await ran('receipts', '--match', '{"group":2}', '--cancel')
    expect(cancelled.stdout.trim().split('\n').toSorted()).toEqual([one, two].toSorted())
    const [nothing, json] = await Promise.all([
      ran('receipts', '--match', '{"group":2}', '--cancel'),
      ran('receipts', '--service', 'Hen', '--cancel', '--json'),
    ])
    expect(nothing).toEqual({ code: 0, stdout: '', stderr: 'No stored call of yours fits and could be cancelled.\n' })
    expect(form(json)).toEqual({ cancelling: [kept] })
  })

  it('says how one is made where there is none', async () => {
    await using none = await createRouter({ listen: { port: 0 } })
    const url = none.url!
    const empty = await runs(['receipts', '--url', url])
    expect(empty).toEqual({
      code: 0,
      stdout: '',
      stderr: 'The router has no stored calls of yours. One is made with: waybill call Dog.walk 3 --async\n',
    })
    expect(await runs(['receipts', '--url', url, '--json'])).toEqual({ code: 0, stdout: '[]\n', stderr: '' })
  })
})
