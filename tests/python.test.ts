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
  leave(): void
}
const cat = service<{ purr(how: unknown): Promise<unknown> }>('Cat@1.0.0', { purr: {} })
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

  await caller.expose(cat, {
    purr: (how) => {
      currentCall().progress({ total: 1, completed: 1 })
      return Promise.resolve({ how, for: currentCall().caller.client, whose: currentCall().caller.principal })
    },
  })
  expect((await events[Symbol.asyncIterator]().next()).value).toMatchObject({ topic: 'dog.barked', value: { phrase: 'wau' }, from: 'py' })
  await remote.leave()
  expect(await ended).toBe(0)
  const purr = "{'how': {'loud': True}, 'for': 'py', 'whose': 'py'}"
  expect(printed.trimEnd().split('\n')).toEqual([
    'The kennel is open.',
    'progress 1 1',
    purr,
    'NoSuchMethod no',
    "heard dog.barked {'phrase': 'wau'} from py",
  ])
})
