/** The examples as their READMEs run them: built, each part a process of its own; at one router, as nobody restarts it either. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import { endChildren, startNode, startRouter, type RunningRouter } from './fixtures/children.js'
import { ran } from './fixtures/commands.js'

let router: RunningRouter
let place: Readonly<Record<string, string>>

beforeAll(async () => {
  router = await startRouter()
  place = { WAYBILL_URL: router.url }
})
/** Each finds a router that nobody is at. */
afterEach(async () => {
  await endChildren(router.child)
  await vi.waitFor(async () => expect((await ran(['clients', '--json'], place)).stdout).toBe('[]\n'), { timeout: 10_000 })
})
afterAll(() => endChildren())

it('01-hello: a kennel, a walker, and the same call from the command line', async () => {
  const kennel = startNode('examples/dist/01-hello/kennel.js', [], place)
  await kennel.prints(/^The kennel offers Dog 1\.2\.0: bark, walk\./)

  const walker = startNode('examples/dist/01-hello/walker.js', [], place)
  const [ended, call] = await Promise.all([walker.ended, ran(['call', 'Dog.bark', 'hello'], place)])
  const barked = 'Yes master. I will bark hello because that is what dogs do.'
  expect(walker.stdout.split('\n')).toEqual([barked, '1 of 3 km, sniffing', '2 of 3 km, sniffing', '3 of 3 km, sniffing', 'home', ''])
  expect({ ...ended, stderr: walker.stderr }).toEqual({ code: 0, signal: null, stderr: '' })
  expect(call).toEqual({ code: 0, stdout: `${barked}\n`, stderr: '' })

  const second = startNode('examples/dist/01-hello/kennel.js', [], place)
  await second.prints(/^The kennel offers/)
  expect((await kennel.ended).code).toBe(1)
  expect(kennel.stderr).toContain("code: 'Superseded'")
  second.kill('SIGTERM')
  expect(await second.ended).toEqual({ code: 0, signal: null })
})

/** What the example prints, line by line; it ends with 0 and complains of nothing. */
async function printed(file: string): Promise<string[]> {
  const child = startNode(`examples/dist/${file}`, [], place)
  expect({ ...(await child.ended), stderr: child.stderr }, child.stdout).toEqual({ code: 0, signal: null, stderr: '' })
  return child.stdout.trimEnd().split('\n')
}

it('02-semantics: one instance, every instance, and what may be said of a call', { timeout: 30_000 }, async () => {
  const [rex, ace, zoe] = ['rex', 'ace', 'zoe'].map((name) => startNode('examples/dist/02-semantics/kennel.js', [name], place))
  const clerk = startNode('examples/dist/02-semantics/clerk.js', [], place)
  await Promise.all([clerk.prints(/^The clerk listens\.$/m), ...[rex!, ace!, zoe!].map((kennel) => kennel.prints(/ is open$/m))])

  expect(await printed('02-semantics/one.js')).toEqual([
    'synchronous, with progress',
    '  1 of 2 km',
    '  2 of 2 km',
    'a dog walked 2 km',
    'asynchronous: a receipt',
    'a dog walked 2 km',
    '  another process: a dog walked 2 km',
    'prepared: its serial number is known before anything is sent',
    'a dog walked 1 km true',
    'fire and forget: nobody answers, but rex barks',
    'callback: an object that is told',
    '  1 km so far',
    '  2 km so far',
    'a dog walked 2 km',
    'callback: another client is told',
  ])
  expect(await clerk.ended).toEqual({ code: 0, signal: null })
  expect(clerk.stdout.trimEnd().split('\n')).toEqual(['The clerk listens.', '1 km so far', '2 km so far', 'a dog walked 2 km'])

  expect(await printed('02-semantics/all.js')).toEqual([
    'all     ace: 3, rex: 3, zoe: 4',
    'first   rex: 3',
    'quorum  ace: 3, rex: 3',
    'hedge   1 answer',
    'quorum of 3: NoQuorum',
  ])

  expect(await printed('02-semantics/options.js')).toEqual([
    'ttl: it was called before it was there: sit sit',
    'ttl: nobody came: Expired, executed: no',
    'functions: sit',
    'data: hello, {"trace":"t1"}',
    'named: a dog walked 1 km, long leash',
    'constructor: Laika walked 1 km',
    'orderKey: 3 begins, 3 ends, 2 begins, 2 ends, 1 begins, 1 ends',
    'guard: 2 bones, thank you',
    'guard: Forbidden, executed: no',
    'isolate: it runs in a process of its own: true',
    'isolate: Cancelled, executed: maybe; its process runs: false',
  ])
  expect(rex!.stdout.trimEnd().split('\n')).toEqual(['rex is open', 'rex barks at the moon', 'rex barks hello'])
})

it('03-versions-and-labels: who gets a call, and a release without a gap', { timeout: 30_000 }, async () => {
  const kennels = [
    ['old', '1', 'eu'],
    ['young', '1', 'us'],
    ['next', '2', 'eu'],
  ].map((args) => startNode('examples/dist/03-versions-and-labels/kennel.js', args, place))
  await Promise.all(kennels.map((kennel) => kennel.prints(/ offers Dog /)))

  expect(await printed('03-versions-and-labels/choosing.js')).toEqual([
    'Dog@^1             old 1.4.0: 1, young 1.4.0: 1',
    'Dog@^2             next 2.0.0, next 2.0.0',
    'Dog@^3             NoSuchVersion',
    'Dog?region=eu      next 2.0.0: 1, old 1.4.0: 1',
    'Dog@^1, where: eu  old 1.4.0',
    'young/Dog          young 1.4.0',
    'sticky, one key    1 kennel',
    'sticky, 60 keys    3 kennels',
    'least busy         young 1.4.0: 6',
    'round robin        old 1.4.0: 3, young 1.4.0: 3',
  ])

  expect(await printed('03-versions-and-labels/release.js')).toEqual([
    'old is drained, 1 running',
    'young is drained, 0 running',
    'a new call: next 2.0.0',
    'a new call: next 2.0.0',
    'a new call: next 2.0.0',
    'Dog@^1: NoSuchVersion, executed: no',
    'the walk: home, from old 1.4.0',
  ])
  const [old, young, next] = kennels
  expect(await Promise.all([old!.ended, young!.ended])).toEqual([
    { code: 0, signal: null },
    { code: 0, signal: null },
  ])
  expect(old!.stdout.split('\n')).toEqual(['old offers Dog 1.4.0 in eu', 'takes no new calls', 'is empty and ends', ''])
  next!.kill('SIGTERM')
  await next!.ended
  expect(next!.stdout.split('\n')).toEqual(['next offers Dog 2.0.0 in eu', 'is empty and ends', ''])
})

it('04-events: a typed topic, a pattern, and who is there', async () => {
  const watcher = startNode('examples/dist/04-events/watcher.js', [], place)
  await watcher.prints(/^The watcher listens\./)
  const kennel = startNode('examples/dist/04-events/kennel.js', [], place)
  expect(await kennel.ended).toEqual({ code: 0, signal: null })
  expect(kennel.stdout).toBe('The kennel is quiet.\n')

  expect(await watcher.ended).toEqual({ code: 0, signal: null })
  const lines = watcher.stdout.trimEnd().split('\n')
  // Three readers, each in order.
  expect(lines.filter((line) => line.startsWith('kennel '))).toEqual(['kennel is here', 'kennel has left'])
  expect(lines.filter((line) => !line.startsWith('kennel '))).toEqual(['The watcher listens.', 'kennel: WUFF!', '3 events of dogs'])
  expect(watcher.stderr).toBe('')
})

it('04-events: what is stored is read later, by a cursor', async () => {
  expect(await printed('04-events/diary.js')).toEqual([
    ...[1, 2, 3].map((id) => `walk ${id} is stored{memory}`),
    'the first reader: 3 km',
    'the first reader: 5 km',
    'the second reader: 8 km',
  ])
})

it('06-streams: out with a bar, bytes up and down, in and out', { timeout: 30_000 }, async () => {
  const kennel = startNode('examples/dist/06-streams/kennel.js', [], place)
  await kennel.prints(/^The kennel offers smells, tires, photo, keep, barks\.$/m)
  const quarters = (what: string): string[] => [25, 50, 75, 100].map((part) => `${what}: ${part}%`)
  const [out, bytes, both] = await Promise.all(['out', 'bytes', 'both'].map((file) => printed(`06-streams/${file}.js`)))
  expect(out).toEqual([
    ...quarters('smells'),
    '40 smells, and then: enough',
    'smell 1',
    'smell 2',
    'smell 3',
    '1',
    '2',
    'then: tired',
    'cancelled: Cancelled',
  ])
  expect(bytes).toEqual([
    ...quarters('up'),
    'kept 4194304 bytes',
    ...quarters('down'),
    'the same bytes',
    'the first piece: is enough',
    'no ace: yes',
  ])
  expect(both).toEqual([
    'WUFF!',
    'WAU!',
    'RUFF!',
    'WORD 0!',
    'WORD 1!',
    'WORD 2!',
    'made few more than were read, and its finally has run',
    'async: NotStorable, executed: no',
    'send: NotRepresentable, executed: no',
  ])
  await expect
    .poll(() => kennel.stdout.match(/^smells of \d+: the generator has ended$/gm)?.toSorted())
    .toEqual([
      'smells of 1000000: the generator has ended',
      'smells of 1000000: the generator has ended',
      'smells of 40: the generator has ended',
    ])
  kennel.kill('SIGTERM')
  expect({ ...(await kennel.ended), stderr: kennel.stderr }).toEqual({ code: 0, signal: null, stderr: '' })
})

it('10-trpc: a parcel, its receipt, its result, between two that know no more than a type', async () => {
  const walker = startNode('examples/dist/10-trpc/walker.js', [], place)
  const dog = startNode('examples/dist/10-trpc/dog.js', [], place)
  for (const { ended } of [walker, dog]) expect(await ended).toEqual({ code: 0, signal: null })
  expect([walker.stdout, walker.stderr, dog.stdout, dog.stderr]).toEqual([
    'It has a receipt.\nsucceeded: {"walked":3}\nresult: {"walked":3}\nstored, handed, accepted, started, succeeded\n',
    '',
    'The dog is registered.\nwalker wants to walk 3 km\n',
    '',
  ])
})

it('07-offline: a laptop that is closed, an office that closes, a router that is killed, and the result', { timeout: 30_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'waybill-offline-'))
  const begin = (): Promise<RunningRouter> => startRouter(['--data', folder])
  const run = async (file: string, { url }: RunningRouter): Promise<string[]> => {
    const child = startNode(`examples/dist/07-offline/${file}`, [], { WAYBILL_URL: url })
    expect({ ...(await child.ended), stderr: child.stderr }, child.stdout).toEqual({ code: 0, signal: null, stderr: '' })
    return child.stdout.trimEnd().split('\n')
  }
  const mailbox = async ({ url }: RunningRouter): Promise<unknown> =>
    JSON.parse((await ran(['mailbox', '--json'], { WAYBILL_URL: url })).stdout)

  const first = await begin()
  expect(await run('ask.js', first)).toEqual(['Asked: kept in disk'])
  expect(await run('ask.js', first)).toEqual(['It is asked already: kept in disk'])
  expect(await mailbox(first)).toMatchObject([{ waitsFor: 'laptop/Notes@^1', kind: 'calls', count: 1 }])
  first.child.kill('SIGKILL')
  await first.child.ended

  const second = await begin()
  const laptop = startNode('examples/dist/07-offline/laptop.js', [], { WAYBILL_URL: second.url })
  await vi.waitFor(async () => expect(await mailbox(second)).toMatchObject([{ waitsFor: 'office', kind: 'outcomes', count: 1 }]), 10_000)
  laptop.kill('SIGINT')
  expect(await laptop.ended).toEqual({ code: 0, signal: null })
  expect(laptop.stdout.trimEnd().split('\n').toSorted()).toEqual(['The laptop is open.', 'counting november'])

  expect(await run('see.js', second)).toEqual([
    'sunny days in november: 1',
    'stored',
    'handed to laptop',
    'accepted',
    'started',
    'succeeded',
  ])
  expect(await mailbox(second)).toEqual([])
  second.child.kill('SIGTERM')
  await second.child.ended
  rmSync(folder, { recursive: true })
})

it('11-plugins: from a folder and from a file; one response, several, none; what goes wrong', async () => {
  const places = ['./examples/dist/11-plugins/plugins', './examples/11-plugins/plugins/clock.js']
  const own = await startRouter(places.flatMap((one) => ['--plugins', one]))
  expect(JSON.parse(own.child.stdout)).toMatchObject({ plugins: [{ name: 'text', version: '1.0.0' }, { name: 'clock' }], failed: [] })
  const env = { WAYBILL_URL: own.url }
  const ask = startNode('examples/dist/11-plugins/ask.js', [], env)
  expect({ ...(await ask.ended), stderr: ask.stderr }, ask.stdout).toEqual({ code: 0, signal: null, stderr: '' })
  expect(ask.stdout.trimEnd().split('\n')).toEqual([
    'text:shout',
    '  1 "SIT"',
    '  2 end 0',
    'text:lines',
    '  1 "one"',
    '  2 "two"',
    '  3 end 1 "a line says stop"',
    'clock:tick',
    ...[1, 2, 3].map((n) => `  ${n} "tick ${n}"`),
    '  4 end 0',
    'text:size',
    '  1 {"bytes":10485760}',
    '  2 end 0',
    'shout',
    `  1 end 1 "An invalid directive ('shout') was specified."`,
    'song:shout',
    '  1 end 1 "Error loading directive handlers for song"',
    'text:sing',
    '  1 end 1 "Invalid action sing for text"',
    'text:decode',
    '  1 end 1 "Access denied calling decode for text"',
    'a: A, b: B',
    'TYPED',
    'active: 0',
  ])
  expect(await ran(['call', 'plugins.text.shout', 'sit'], env)).toEqual({ code: 0, stdout: 'SIT\n', stderr: '' })
  own.child.kill('SIGTERM')
  expect(await own.child.ended).toEqual({ code: 0, signal: null })
  // Who wrote the plugin finds what it threw.
  expect(JSON.parse(own.child.stderr)).toMatchObject({ waybill: 'incident', method: 'plugins.text.lines' })
})
