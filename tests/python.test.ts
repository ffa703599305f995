/**
 * The Python client of the examples, beside a client of ours: it calls, serves, streams, publishes and subscribes through the JSON door, and is short
 * enough to show that PROTOCOL.md is all that a client needs.
 */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { currentCall, service } from '@waybill/client'
import { realHarness } from '@waybill/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { pythonPath } from './system-packages.mjs'

interface Dog {
  bark(phrase: string): string
  walk(km: number): string
  bite(): void
  sniff(smells: number): AsyncGenerator<{ smell: number }>
  eat(food: AsyncIterable<unknown>): Promise<number[]>
  fetch(sticks: AsyncIterable<string>): AsyncGenerator<string>
  doze(visitors: AsyncIterable<unknown>): string
  wait(): AsyncGenerator<never>
  dig(): void
  leave(): void
}
interface Cat {
  purr(how: unknown): Promise<unknown>
  sing(notes: number): AsyncGenerator<string>
  hear(howl: AsyncIterable<Uint8Array>): Promise<number[]>
  nap(lullaby: AsyncIterable<unknown>): Promise<string>
  echo(meows: AsyncIterable<string>): AsyncGenerator<string>
  hiss(): Promise<never>
  sleep(): Promise<void>
}
const cat = service<Cat>('Cat@1.0.0', { purr: {}, sing: {}, hear: {}, nap: {}, echo: {}, hiss: {}, sleep: {} })
const python = pythonPath()
if (python === undefined) process.stderr.write('tests/python.test.ts is skipped: no python3 with the package websockets is here\n')
const example = (name: string): string => fileURLToPath(new URL(`../examples/05-python/${name}`, import.meta.url))

test('the client is one file of fewer than 150 lines, which imports nothing of ours', () => {
  const text = readFileSync(example('waybill.py'), 'utf8')
  expect(text.trimEnd().split('\n').length).toBeLessThan(150)
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThan(112)
  const imported = [...text.matchAll(/^(?:from (\w+) import|import (\w+))/gm)].map(([, from, whole]) => from ?? whole)
  const ours = ['asyncio', 'json', 'base64', 'contextlib', 'functools', 'inspect', 'operator', 'uuid', 'weakref', 'websockets']
  expect(imported.toSorted()).toEqual(ours.toSorted())
})

test.skipIf(python === undefined)('a client in Python, written from PROTOCOL.md, is a caller and a callee like any other', async () => {
  await using h = await realHarness({ tokens: { us: 'woof', py: 'hiss' } })
  const caller = await h.client('walker', { token: 'woof' })
  const events = caller.events('dog.barked')
  await events.ready
  const child = spawn(python!, ['-B', example('dog.py')], { env: { ...process.env, WAYBILL_URL: h.url, WAYBILL_TOKEN: 'hiss' } })
  let printed = ''
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString()))
  const ended = new Promise((resolve) => child.on('close', resolve))
  onTestFinished(() => void child.kill())
  await expect.poll(() => printed, { timeout: 10_000 }).toContain('The kennel is open.')

  const remote = caller.remote<Dog>('Dog@^1?language=python')
  expect(await remote.bark('hello')).toBe('wau hello')
  expect(await remote.bark.with({ named: { loud: true } })('hello')).toBe('HELLO')
  const steps: number[] = []
  const walk = remote.walk(3)
  void walk.on('progress', ({ completed }) => void steps.push(completed))
  expect(await walk).toBe('home')
  expect(steps).toEqual([1, 2, 3])
  await expect(remote.bite()).rejects.toMatchObject({ code: 'RemoteException', xclass: 'BoneError', message: 'no bone', executed: 'yes' })
  await expect(remote.dig()).rejects.toMatchObject({ xclass: 'TypeError', executed: 'yes' })
  await expect(remote.walk.with({ named: { leash: 1 } })(1)).rejects.toMatchObject({ xclass: 'TypeError', executed: 'yes' })
  const long = remote.walk(10_000)
  await expect.poll(() => h.router.load.pendingCalls).toBeGreaterThan(0)
  await long.cancel()
  await expect(long).rejects.toMatchObject({ code: 'Cancelled' })

  const smells: number[] = []
  for await (const { smell } of remote.sniff(2000)) smells.push(smell)
  expect(smells).toEqual(Array.from({ length: 2000 }, (_, n) => n))
  await expect.poll(() => printed).toContain('sniffed 2000')
  for await (const { smell } of remote.sniff(1_000_000)) if (smell === 2) break
  await expect.poll(() => printed).toMatch(/sniffed \d{1,3}\n/)
  let made = 0
  async function* food(): AsyncGenerator<unknown> {
    for (;;) yield made++ === 1 ? Uint8Array.of(0, 255) : `piece ${made}`
  }
  expect(await remote.eat(food())).toEqual([7, 2, 7])
  expect(made).toBeLessThan(300)
  // Both ways at once, to the end, and as far as somebody reads.
  async function* sticks(count: number): AsyncGenerator<string> {
    try {
      for (let n = 0; n < count; n++) yield `stick ${n}`
    } finally {
      thrown.push(count)
    }
  }
  const thrown: number[] = []
  const fetched: string[] = []
  for await (const one of remote.fetch(sticks(600))) fetched.push(one)
  expect(fetched).toEqual(Array.from({ length: 600 }, (_, n) => `fetched stick ${n}`))
  for await (const one of remote.fetch(sticks(1_000_000))) if (one === 'fetched stick 1') break
  await expect.poll(() => thrown).toEqual([600, 1_000_000])
  expect(await remote.doze(sticks(1_000_001))).toBe('zzz')
  // A generator that yields nothing ends where nobody waits with it, and where the call is cancelled.
  const waiting = await remote.wait()
  await waiting.return(undefined)
  await expect.poll(() => printed.match(/waited/g)).toHaveLength(1)
  const cancelled = remote.wait()
  await cancelled
  await cancelled.cancel()
  await expect.poll(() => printed.match(/waited/g)).toHaveLength(2)
  // Its own, which waits for somebody who offers Cat.
  await expect.poll(() => h.router.load.pendingCalls).toBe(1)

  let sung = 0
  let songs = 0
  await caller.expose(cat, {
    async *sing(notes) {
      try {
        for (let n = 0; n < notes; n++) {
          sung++
          yield `note ${n}`
        }
      } finally {
        songs++
      }
    },
    hear: async (howl) => {
      const sizes: number[] = []
      for await (const { byteLength } of howl) sizes.push(byteLength)
      return sizes
    },
    nap: async () => 'asleep',
    async *echo(meows) {
      for await (const meow of meows) yield meow
    },
    hiss: () => Promise.reject(new RangeError('too near')),
    sleep: () => new Promise((resolve) => currentCall().signal.addEventListener('abort', () => resolve(), { once: true })),
    purr: (how) => {
      currentCall().progress({ total: 1, completed: 1 })
      return Promise.resolve({ how, for: currentCall().caller.client, whose: currentCall().caller.principal })
    },
  })
  expect((await events[Symbol.asyncIterator]().next()).value).toMatchObject({ topic: 'dog.barked', value: { phrase: 'wau' }, from: 'py' })
  // What is under way when it breaks off, and no more.
  expect([songs, sung < 1000]).toEqual([2, true])
  // Whatever became of their calls, generators end once nobody reads them.
  await expect.poll(() => printed.match(/no more \w+/g)?.toSorted()).toEqual(['no more lullaby', 'no more meow', 'no more sigh'])
  await remote.leave()
  expect(await ended).toBe(0)
  const purr = "{'how': {'loud': True}, 'for': 'py', 'whose': 'py'}"
  const lines = printed.trimEnd().split('\n')
  expect(lines.filter((line) => !/^(sniffed|waited|no more)/.test(line))).toEqual([
    'The kennel is open.',
    ...['accepted', 'started', 'progress 1', purr],
    expect.stringMatching(/^NoSuchMethod no Cat does not expose "bark"/),
    'RangeError yes too near',
    expect.stringMatching(/^BadAddress no /),
    ...['note 0', 'note 1', 'note 2', 'again note 0', 'again note 1'],
    ...['[4, 4, 4]', 'asleep', 'RemoteException yes a bone in the throat', 'meow meow'],
    ...['cancelled', "heard dog.barked {'phrase': 'wau'} from py"],
  ])
})

const script = `
import asyncio, sys
from waybill import Failed, connect

async def idle(tell, *words):
    try:
        await asyncio.Event().wait()
    finally:
        print('stopped', flush=True)

async def words():
    yield 'one'

async def told(work):
    try:
        await work
    except Failed as failed:
        print(failed.code, failed.executed, flush=True)

async def main(url):
    await told(connect(url, credentials={'token': 'wrong'}).__aenter__())
    async with connect(url, name='idler', credentials={'token': 'hiss'}) as waybill:
        await waybill.serve('Idler', {'idle': idle})
        print('serves', flush=True)
        await asyncio.gather(told(waybill.call('Idler', 'idle', words())), told(waybill.call('Idler', 'idle')))

asyncio.run(main(sys.argv[1]))
`

test.skipIf(python === undefined)(
  'where its connection ends, what waits in Python is told, what runs is stopped, and nothing else is printed',
  async () => {
    await using h = await realHarness({ tokens: { py: 'hiss' } })
    const child = spawn(python!, ['-B', '-c', script, h.url], { env: { ...process.env, PYTHONPATH: example('') } })
    const printed: string[] = []
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => void printed.push(chunk.toString()))
    const ended = new Promise((resolve) => child.on('close', resolve))
    onTestFinished(() => void child.kill())
    await expect.poll(() => h.router.load.pendingCalls).toBe(2)
    await h.router.close()
    expect(await ended).toBe(0)
    const lines = printed.join('').trimEnd().split('\n')
    expect(lines.toSorted()).toEqual(['RouterLost maybe', 'RouterLost maybe', 'Unauthorized no', 'serves', 'stopped', 'stopped'])
  },
)
