/** The Python client of the examples, beside a client of ours: it serves, calls, publishes and subscribes through the JSON door. */
import { spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { currentCall, service } from '@waybill/client'
import { realHarness } from '@waybill/testkit'
import { expect, onTestFinished, test } from 'vitest'

interface Dog {
  bark(phrase: string): string
  walk(km: number): string
  bite(): void
  sniff(smells: number): AsyncGenerator<{ smell: number }>
  eat(food: AsyncIterable<unknown>): Promise<number[]>
  leave(): void
}
interface Cat {
  purr(how: unknown): Promise<unknown>
  sing(notes: number): AsyncGenerator<string>
  hear(howl: AsyncIterable<Uint8Array>): Promise<number[]>
}
const cat = service<Cat>('Cat@1.0.0', { purr: {}, sing: {}, hear: {} })
const python = ['python3', '/usr/bin/python3'].find((one) => spawnSync(one, ['-c', 'import websockets']).status === 0)
if (python === undefined) process.stderr.write('tests/python.test.ts is skipped: no python3 with the package websockets is here\n')
const file = fileURLToPath(new URL('../examples/05-python/dog.py', import.meta.url))

test.skipIf(python === undefined)('a client in Python, written from PROTOCOL.md, is a caller and a callee like any other', async () => {
  await using h = await realHarness({ tokens: { us: 'woof', py: 'hiss' } })
  const caller = await h.client('walker', { token: 'woof' })
  const events = caller.events('dog.barked')
  await events.ready
  const child = spawn(python!, ['-B', file], { env: { ...process.env, WAYBILL_URL: h.url, WAYBILL_TOKEN: 'hiss' } })
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
    purr: (how) => {
      currentCall().progress({ total: 1, completed: 1 })
      return Promise.resolve({ how, for: currentCall().caller.client, whose: currentCall().caller.principal })
    },
  })
  expect((await events[Symbol.asyncIterator]().next()).value).toMatchObject({ topic: 'dog.barked', value: { phrase: 'wau' }, from: 'py' })
  // What is under way when it breaks off, and no more.
  expect([songs, sung < 1000]).toEqual([2, true])
  await remote.leave()
  expect(await ended).toBe(0)
  const purr = "{'how': {'loud': True}, 'for': 'py', 'whose': 'py'}"
  const lines = printed.trimEnd().split('\n')
  expect(lines.filter((line) => !line.startsWith('sniffed'))).toEqual([
    'The kennel is open.',
    'progress 1 1',
    purr,
    'NoSuchMethod no',
    ...['note 0', 'note 1', 'note 2', 'again note 0', 'again note 1', '[4, 4, 4]'],
    "heard dog.barked {'phrase': 'wau'} from py",
  ])
})
