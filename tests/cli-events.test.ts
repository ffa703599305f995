/** `waybill events`, `publish` and `drain`: in this process, but where the process is the point. */
import { connect, service, type Client, type EventGap, type TopicEvent } from '@waybill/client'
import { createRouter, type RouterHandle } from '@waybill/server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { endChildren, startRouter, startWorker, waybill } from './fixtures/children.js'
import { begins as starts, ran as runs, type CommandRun } from './fixtures/commands.js'
import type { Printing } from './fixtures/printing.js'

const clients: Client[] = []
let router: RouterHandle
const env = (): Record<string, string> => ({ WAYBILL_URL: router.url! })
const ran = (...args: string[]): ReturnType<typeof runs> => runs(args, env())
const begins = (...args: string[]): CommandRun => starts(args, env())
const hopOn = async (name: string, url = router.url!): Promise<Client> => {
  const client = await connect(url, { name })
  clients.push(client)
  return client
}
const form = <T>({ stdout }: { readonly stdout: string }): T => JSON.parse(stdout) as T

beforeAll(async () => {
  router = await createRouter({ listen: { port: 0 } })
})
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close({ drainMs: 0 })))
  await router.close()
  await endChildren()
})

async function listening<C extends Printing>(command: C): Promise<C> {
  await expect.poll(() => command.stderr, { timeout: 10_000 }).toMatch(/^Waiting for events of \S+\. Ctrl-C ends it\.\n$/)
  return command
}

describe.concurrent('what makes no sense', () => {
  it.for([
    { args: ['events'], says: /missing required argument 'pattern'/ },
    { args: ['events', 'dog..barked'], says: /"dog\.\.barked" is not a pattern/ },
    { args: ['events', 'dog', '--count', '0'], says: /A count is a whole number from 1 to/ },
    { args: ['events', 'dog', '--after', 'x'], says: /An id is a whole number; 0 means all that are kept/ },
    { args: ['events', 'dog', '--cursors'], says: /--cursors and --forget are about cursors, and take no pattern/ },
    { args: ['publish', 'dog.*'], says: /"dog\.\*" is a pattern: an event has one topic/ },
    { args: ['publish', 'dog', '9007199254740993'], says: /too large for a number/ },
    { args: ['drain'], says: /missing required argument 'client'/ },
    { args: ['drain', 'a b'], says: /"a b" is not the name of a client/ },
    { args: ['drain', 'kennel', '--timeout', 'never'], says: /--timeout: .* is not a time/ },
  ])('is wrong usage, exit code 2: $args', async ({ args, says }, { expect }) => {
    const { code, stdout, stderr } = await ran(...args)
    expect(stderr).toMatch(says)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  })
})

describe('waybill events', () => {
  it('prints a line for each, and ends after --count', async () => {
    const [text, json] = await Promise.all([
      listening(begins('events', 'dog.**', '--count', '3')),
      listening(begins('events', 'dog.**', '--count', '3', '--json')),
    ])
    const publisher = await hopOn('publisher')
    await publisher.publish('cat.meowed')
    await publisher.publish('dog.barked', { loud: true, at: new Date(0) })
    await publisher.publish('dog.born.twice', 'two\nlines')
    await publisher.publish('dog.slept')
    expect(await Promise.all([text.ended, json.ended])).toEqual(Array(2).fill({ code: 0, signal: null }))
    expect(text.stdout).toBe(
      [
        'dog.barked  publisher  {"loud":true,"at":"1970-01-01T00:00:00.000Z"}',
        'dog.born.twice  publisher  "two\\nlines"',
        'dog.slept  publisher',
        '',
      ].join('\n'),
    )
    const lines = json.stdout.trim().split('\n')
    expect(lines.map((line) => JSON.parse(line) as TopicEvent<unknown> | EventGap)).toMatchObject([
      {
        kind: 'event',
        topic: 'dog.barked',
        from: 'publisher',
        value: { loud: true, at: '1970-01-01T00:00:00.000Z' },
        cursor: expect.any(Number) as number,
      },
      { kind: 'event', topic: 'dog.born.twice', value: 'two\nlines' },
      { kind: 'event', topic: 'dog.slept', value: null },
    ])
  })

  it('ends by Ctrl-C with 0, and with 130 where --count asked for more', async () => {
    const [endless, counted] = await Promise.all([
      listening(waybill(['events', 'dog.*'], env())),
      listening(begins('events', 'dog.*', '--count', '2')),
    ])
    const publisher = await hopOn('once')
    await publisher.publish('dog.barked', 1)
    await Promise.all([endless, counted].map((command) => command.prints(/^dog\.barked {2}once {2}1\n$/)))
    endless.kill('SIGINT')
    counted.interrupt()
    expect(await Promise.all([endless.ended, counted.ended])).toEqual([
      { code: 0, signal: null },
      { code: 130, signal: null },
    ])
    expect([endless, counted].map(({ stderr }) => stderr)).toEqual(Array(2).fill('Waiting for events of dog.*. Ctrl-C ends it.\n'))
  })

  it('shows the presence of others', async () => {
    const child = await listening(begins('events', 'waybill.client.*', '--count', '1'))
    await hopOn('newcomer')
    expect(await child.ended).toMatchObject({ code: 0 })
    expect(child.stdout).toMatch(/^waybill\.client\.joined {2}\S+ {2}\{"name":"newcomer",/)
  })

  it('says where something may be missing, and goes on with the next session', async () => {
    const first = await startRouter()
    const child = starts(['events', 'dog.*', '--count', '1', '--url', first.url])
    await expect.poll(() => child.stderr, { timeout: 10_000 }).toMatch(/^Waiting for events/)
    first.child.kill('SIGKILL')
    await first.child.ended
    const second = await startRouter(['--port', String(first.port)])
    await child.prints(/^--- events may be missing here: the connection was lost\n$/)
    await (await hopOn('late', second.url)).publish('dog.barked', 'again')
    expect(await child.ended).toMatchObject({ code: 0 })
    expect(child.stdout).toMatch(/\ndog\.barked {2}late {2}again\n$/)
    expect(child.stderr).toMatch(/\nThe connection was lost: .*\. Looking for the router\.\nConnected again\.\n$/)
  })
})

describe('waybill publish', () => {
  it('publishes JSON, text or nothing', async () => {
    const reader = await hopOn('reader')
    const events = reader.events('cli.*')
    await events.ready
    const plain = await ran('publish', 'cli.json', '{"a":[1]}')
    const text = await ran('publish', 'cli.text', 'hello there', '--json')
    await ran('publish', 'cli.nothing')
    expect(plain).toEqual({ code: 0, stdout: 'published cli.json\n', stderr: '' })
    expect(form(text)).toEqual({ published: 'cli.text' })
    const got: unknown[] = []
    for await (const event of events) if (event.kind === 'event' && got.push([event.topic, event.value]) === 3) break
    expect(got).toEqual([
      ['cli.json', { a: [1] }],
      ['cli.text', 'hello there'],
      ['cli.nothing', undefined],
    ])
  })

  it('tells what the router or the client refuses, exit code 1', async () => {
    await using strict = await createRouter({
      listen: { port: 0 },
      authorize: (_principal, action) => action === 'connect' || action === 'call',
    })
    const [own, refused, json, deaf] = await Promise.all([
      ran('publish', 'waybill.client.joined'),
      runs(['publish', 'dog.barked', '--url', strict.url!]),
      runs(['publish', 'dog.barked', '--json', '--url', strict.url!]),
      runs(['events', 'dog.*', '--url', strict.url!]),
    ])
    expect(own.stderr).toMatch(/^waybill: Forbidden: waybill\.client\.joined: topics that begin with waybill\. belong to the router\n/)
    expect(refused.stderr).toMatch(/^waybill: Forbidden: local may not publish dog\.barked\n/)
    expect(form(json)).toMatchObject({ error: { code: 'Forbidden', executed: 'no' } })
    expect(deaf.stderr).toMatch(/^waybill: Forbidden: local may not subscribe to dog\.\*\n/)
    expect([own, refused, json, deaf].map(({ code }) => code)).toEqual([1, 1, 1, 1])
  })
})

describe('durable events', () => {
  it('are published with an id, read from any, and by a cursor where its last reader stopped', async () => {
    expect(await ran('publish', 'log.one', 'first', '--durable')).toEqual({
      code: 0,
      stdout: 'published log.one as #1, stored{memory}\n',
      stderr: '',
    })
    expect(form(await ran('publish', 'log.two', 'second', '--durable', '--json'))).toEqual({
      published: 'log.two',
      id: 2,
      durability: 'memory',
    })
    const all = await ran('events', 'log.*', '--after', '0', '--count', '2')
    expect(all).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^#1 {2}log\.one {2}\S+ {2}first\n#2 {2}log\.two {2}\S+ {2}second\n$/),
    })
    const json = form<TopicEvent<unknown>>(await ran('events', 'log.*', '--after', '1', '--count', '1', '--json'))
    expect(json).toMatchObject({ kind: 'event', topic: 'log.two', value: 'second', id: 2, publishedAt: expect.stringMatching(/Z$/) })

    const cursor = ['events', 'log.*', '--cursor', 'printer', '--count', '1']
    expect((await ran(...cursor)).stdout).toMatch(/^#1 /)
    expect((await ran(...cursor)).stdout).toMatch(/^#2 /)
    expect(form(await ran('events', '--cursors', '--json'))).toEqual([
      { name: 'printer', after: 2, behind: 0, movedAt: expect.any(String) as string },
    ])
    expect((await ran('events', '--cursors')).stdout).toMatch(/^CURSOR +AFTER +BEHIND +MOVED( +READER)?\s*\nprinter +#2 +0 /)
    expect(await ran('events', '--forget', 'printer')).toEqual({ code: 0, stdout: 'forgot printer\n', stderr: '' })
    expect(await ran('events', '--forget', 'printer')).toMatchObject({ code: 1, stderr: 'The router has no cursor printer of yours.\n' })
    expect((await ran('events', '--cursors')).stderr).toMatch(/^The router has no cursors of yours/)
  })
})

describe('waybill drain', () => {
  it('waits until nothing runs there, and says how much is left', async () => {
    let wake!: () => void
    const asleep = new Promise<string>((resolve) => (wake = () => resolve('rested')))
    const busy = await hopOn('busy')
    await busy.expose(service<{ rest(): Promise<string> }>('Dog@1.0.0', { rest: {} }), { rest: () => asleep })
    const calling = begins('call', 'busy/Dog.rest')
    await expect.poll(() => busy.pending.incoming, { timeout: 10_000 }).toBe(1)
    const [text, json] = [begins('drain', 'busy'), begins('drain', 'busy', '--json')]
    await expect.poll(() => text.stderr, { timeout: 10_000 }).toContain('left')
    expect([text, json].map(({ isRunning }) => isRunning)).toEqual([true, true])
    wake()
    expect(await Promise.all([text.ended, json.ended])).toEqual(Array(2).fill({ code: 0, signal: null }))
    expect(text.stdout).toBe('busy is empty: it offers nothing, and nothing runs there\n')
    expect(text.stderr).toMatch(/^busy has 1 call left\n(?:busy is asked to take its services back\n)?$/)
    expect(form(json)).toEqual({ client: 'busy', inFlight: 0, connected: true })
    expect(await calling.ended).toMatchObject({ code: 0 })
    expect(calling.stdout).toBe('rested\n')
    expect((await ran('services', '--json')).stdout).not.toContain('"busy"')
  })

  it('gives up at the end of --timeout, exit code 1, or at Ctrl-C, 130; the drain goes on', async () => {
    const worker = await startWorker(router.url!, { NAME: 'endless' })
    const calling = begins('call', 'endless/Dog.hang')
    await worker.prints(/^hanging$/m)
    const [late, json] = await Promise.all([
      ran('drain', 'endless', '--timeout', '300ms'),
      ran('drain', 'endless', '--timeout', '300ms', '--json'),
    ])
    expect(late.stderr).toMatch(
      /^endless has 1 call left\nwaybill: DeadlineExceeded: endless still has 1 call after 300 ms; the drain goes on\n/,
    )
    expect(form(json)).toMatchObject({ error: { code: 'DeadlineExceeded' } })
    expect([late.code, json.code]).toEqual([1, 1])
    const left = begins('drain', 'endless')
    await expect.poll(() => left.stderr, { timeout: 10_000 }).toBe('endless has 1 call left\n')
    left.interrupt()
    expect(await left.ended).toEqual({ code: 130, signal: null })
    expect(left.stderr).toMatch(/\nendless goes on draining\. See how far it is with: waybill clients\n$/)
    const gone = begins('drain', 'endless')
    await expect.poll(() => gone.stderr, { timeout: 10_000 }).toBe('endless has 1 call left\n')
    worker.kill('SIGKILL')
    expect(await gone.ended).toMatchObject({ code: 0 })
    expect(gone.stdout).toBe('endless has left\n')
    expect(await calling.ended).toMatchObject({ code: 1 })
  })

  it('says who is not there, and who may not, exit code 1', async () => {
    await using guarded = await createRouter({ listen: { port: 0 }, authorize: (_principal, action) => action !== 'drain' })
    await (await hopOn('safe', guarded.url)).expose(service<{ bark(): string }>('Dog@1.0.0', { bark: {} }), { bark: () => 'wau' })
    const [nobody, json, forbidden] = await Promise.all([
      ran('drain', 'nobody'),
      ran('drain', 'nobody', '--json'),
      runs(['drain', 'safe', '--url', guarded.url!]),
    ])
    expect(nobody.stderr).toMatch(/^waybill: NoSuchClient: .*\n {2}to do +see who is connected with `waybill clients`\n$/)
    expect(form(json)).toMatchObject({ error: { code: 'NoSuchClient' } })
    expect(forbidden.stderr).toMatch(/^waybill: Forbidden: local may not drain safe\n/)
    expect([nobody.code, json.code, forbidden.code]).toEqual([1, 1, 1])
  })
})
