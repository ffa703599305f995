/** Methods that run in processes of their own: everything goes across, and every process ends. Real processes of what is built. */
import { connect, registerError, type Client } from '@waybill/client'
import { defaultLimits } from '@waybill/core'
import { fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { afterAll, afterEach, beforeAll, describe, expect, it, test } from 'vitest'
import { pack, unpack, type FromChild, type Run } from '../packages/client/src/isolate/messages.js'
import { Child, endChildren, isAlive, startNode, startRouter } from './fixtures/children.js'

interface Lab {
  pid(): number
  whoami(...args: unknown[]): Record<string, unknown>
  steps(total: number): Promise<string>
  spill(what: unknown): void
  fault(): void
  loop(): void
  patient(): Promise<void>
  crash(how: string): void
  function(): unknown
  here(): number
}

class Spilled extends Error {
  what: unknown
}
registerError(Spilled)

let url: string
let client: Client
let worker: Child

beforeAll(async () => {
  ;({ url } = await startRouter())
  worker = await startLab()
  client = await connect(url, { name: 'caller' })
}, 30_000)
afterEach(async () => {
  // Nothing of the test is left to the next one.
  if (worker.isRunning) await expect.poll(() => childrenOf(worker.pid), { timeout: 5000 }).toEqual([])
})
afterAll(async () => {
  await client.close({ drainMs: 0 })
  await endChildren()
})

async function startLab(): Promise<Child> {
  const lab = startNode('tests/fixtures/lab-worker.mjs', [], { WAYBILL_URL: url })
  await lab.prints(/^ready/m)
  return lab
}

function childrenOf(pid: number): number[] {
  if (process.platform !== 'linux') return []
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number).filter(isAlive)
}

function lab(): ReturnType<typeof client.remote<Lab>> {
  return client.remote<Lab>('Lab', { timeout: '15s' })
}

/** The pid that a running call tells as its first progress. */
function pidOf(call: ReturnType<ReturnType<typeof lab>['loop']>): Promise<number> {
  return new Promise((resolve) => void call.on('progress', ({ details }) => resolve(details as number)))
}

describe('across', () => {
  it('row 004-17: each call has a process of its own, and other methods have none', async () => {
    const [one, two, here] = await Promise.all([lab().pid(), lab().pid(), lab().here()])
    expect(new Set([one, two, here, process.pid]).size).toBe(4)
    expect(here).toBe(worker.pid)
    expect(await client.remote<Lab>('Defined').pid()).not.toBe(worker.pid)
  })

  it('row 004-17: arguments and results of every kind, and what the call says of itself', async () => {
    const args = [new Date(5), new Map([['a', new Set([1n])]]), new Uint8Array([1, 2]), undefined, { long: 'x'.repeat(100_000) }]
    const call = client.remote<Lab>('Lab', { data: { trace: 't' }, deadline: '10s' }).whoami(...args)
    const result = await call
    expect(result).toMatchObject({
      sn: call.sn,
      service: 'Lab',
      method: 'whoami',
      caller: { client: 'caller', principal: 'local' },
      data: { trace: 't' },
      attempt: 1,
      label: 'plain',
    })
    expect(result['args']).toEqual(args)
    expect(result['leftMs']).toBeGreaterThan(5000)
    expect(result['leftMs']).toBeLessThanOrEqual(10_000)
  })

  it('row 004-17: progress', async () => {
    const seen: unknown[] = []
    const call = lab().steps(3)
    void call.on('progress', (progress) => seen.push(progress))
    expect(await call).toBe('done')
    expect(seen).toEqual([1, 2, 3].map((completed) => ({ total: 3, completed, details: { at: new Date(completed) } })))
  })

  it('row 004-17: an exception is of its class, with its state; one of no known class keeps its name', async () => {
    const spilled: unknown = await lab()
      .spill(new Map([['acid', 3n]]))
      .catch((error: unknown) => error)
    expect(spilled).toBeInstanceOf(Spilled)
    expect(spilled).toMatchObject({ message: 'all over the floor', what: new Map([['acid', 3n]]), executed: 'yes' })
    await expect(lab().fault()).rejects.toMatchObject({ code: 'RemoteException', xclass: 'RangeError', executed: 'yes' })
    await worker.prints(/^incident Error RangeError: secret reason$/m)
  })

  it('row 004-17: a result that cannot travel was executed', async () => {
    await expect(lab().function()).rejects.toMatchObject({ code: 'NotRepresentable', executed: 'yes' })
  })
})

it('row 004-17: no more at once than there are processors, where nothing else is declared', async () => {
  const most = availableParallelism()
  const calls = Array.from({ length: most + 1 }, () => lab().patient())
  const started: number[] = []
  for (const [index, call] of calls.entries()) {
    call.catch(() => {})
    void call.on('started', () => started.push(index))
  }
  await Promise.all(calls.slice(0, most).map(pidOf))
  expect(started).toHaveLength(most)
  expect(childrenOf(worker.pid)).toHaveLength(most)
  await calls[0]!.cancel()
  await pidOf(calls[most]!)
  expect(started).toHaveLength(most + 1)
  await Promise.all(calls.map((call) => call.cancel()))
})

describe('ends', () => {
  it('row 004-17: a method that never ends is killed when it is cancelled', async () => {
    const call = lab().loop()
    const pid = await pidOf(call)
    expect(isAlive(pid)).toBe(true)
    const outcome = expect(call).rejects.toMatchObject({ code: 'Cancelled', executed: 'maybe' })
    await call.cancel()
    await outcome
    // Its caller waits no longer than half a second for it.
    await expect.poll(() => isAlive(pid)).toBe(false)
  })

  it('row 004-17: and when its deadline has passed', async () => {
    const call = lab().loop.with({ deadline: 1500 })()
    const pid = await pidOf(call)
    await expect(call).rejects.toMatchObject({ code: 'DeadlineExceeded', executed: 'maybe' })
    await expect.poll(() => isAlive(pid)).toBe(false)
  })

  it('row 004-17: one that heeds the signal ends by itself', async () => {
    const call = lab().patient()
    await pidOf(call)
    const outcome = expect(call).rejects.toMatchObject({ code: 'Cancelled', executed: 'maybe' })
    await call.cancel()
    await outcome
  })

  const crashes: readonly (readonly [string, string])[] = [
    ['exit', 'exit code 7'],
    ['SIGSEGV', 'SIGSEGV'],
    ['SIGKILL', 'SIGKILL'],
  ]
  test.each(crashes)('row 004-17: a process that ends by itself (%s) is a worker that was lost', async (how, said) => {
    await expect(lab().crash(how)).rejects.toMatchObject({
      code: 'WorkerLost',
      executed: 'maybe',
      message: expect.stringContaining(said) as string,
    })
    expect(await lab().here()).toBe(worker.pid)
  })

  it('row 004-17: a module that connects when it is imported is told so, and does not do it again', async () => {
    const eager = startNode('tests/fixtures/self-connecting.mjs', [], { WAYBILL_URL: url })
    await eager.prints(/^ready/m)
    await expect(client.remote<{ work(): string }>('Eager').work()).rejects.toMatchObject({ code: 'Rejected', executed: 'no' })
    await eager.prints(/^incident the module of an isolated method connects/m)
    eager.kill('SIGKILL')
    await eager.ended
  })

  it('row 004-17: none outlives its client', async () => {
    const call = lab().loop()
    const pid = await pidOf(call)
    call.catch(() => {})
    worker.kill('SIGTERM')
    await expect.poll(() => isAlive(pid)).toBe(false)
    expect(await worker.ended).toEqual({ code: 0, signal: null })
    worker = await startLab()
  })

  it('row 004-17: none outlives its parent, even where it never listens', async () => {
    const call = lab().loop()
    const pid = await pidOf(call)
    call.catch(() => {})
    worker.kill('SIGKILL')
    await worker.ended
    await expect.poll(() => isAlive(pid), { timeout: 5000 }).toBe(false)
    worker = await startLab()
  })
})

describe('the process itself', () => {
  const limits = { ...defaultLimits }
  const run = async (construct: readonly unknown[], method = 'whoami', parentPid = process.pid): Promise<FromChild[]> => {
    const child = fork(new URL('../packages/client/dist/isolate/child.js', import.meta.url), [String(parentPid)], {
      serialization: 'advanced',
      execArgv: [],
      // Whatever becomes of it.
      signal: AbortSignal.timeout(10_000),
      killSignal: 'SIGKILL',
    })
    const said: FromChild[] = []
    const ended = new Promise<void>((resolve, reject) => {
      child.on('exit', () => resolve())
      child.on('error', reject)
    })
    const call = {
      sn: 'sn',
      service: 'Lab',
      method,
      caller: { client: 'c', principal: 'p' },
      attempt: 2,
      parent: 'group',
      leftMs: undefined,
    }
    const given = pack({ args: [1], construct, data: undefined }, limits, 'call')
    const module = new URL('fixtures/lab.mjs', import.meta.url).href
    child.send({ kind: 'run', module, className: 'Lab', limits, call, given } satisfies Run)
    child.on('message', (message: FromChild) => {
      said.push(message)
      if (message.kind !== 'progress' && message.kind !== 'undisposed') child.disconnect()
    })
    await ended
    return said
  }
  const errorOf = (said: FromChild | undefined): unknown => said && 'error' in said && unpack(said.error, limits)

  it('row 004-17: constructs the object with the arguments that the call names', async () => {
    const [returned] = await run(['labelled', { loud: true }])
    expect(returned).toMatchObject({ kind: 'returned' })
    const value = returned && 'value' in returned && unpack(returned.value, limits)
    expect(value).toMatchObject({ label: 'labelled', options: { loud: true }, args: [1], attempt: 2, parent: 'group' })
  })

  it('row 004-17: ends also where its parent had gone before it looked', async () => {
    const gone = new Child(process.execPath, ['-e', '0'], {})
    await gone.ended
    expect((await run([], 'loop', gone.pid)).map(({ kind }) => kind)).toEqual(['progress'])
  })

  it('row 004-17: tells of a constructor that throws, and of an object that cannot be disposed of', async () => {
    const [unbuilt, ...none] = await run(['broken'])
    expect([unbuilt?.kind, none]).toEqual(['unbuilt', []])
    expect(errorOf(unbuilt)).toMatchObject({ xclass: 'TypeError', message: 'secret reason' })
    const [undisposed, returned] = await run(['untidy'])
    expect([undisposed?.kind, returned?.kind]).toEqual(['undisposed', 'returned'])
    expect(errorOf(undisposed)).toMatchObject({ message: 'left untidy' })
  })
})
