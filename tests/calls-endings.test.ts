/** How a call ends before its method has answered: cancelled, silent for too long, past its deadline; and what is then said of its execution. */
import { currentCall, service, type Client, type WaybillError } from '@waybill/client'
import { harness, type Harness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'

interface Work {
  wait(): Promise<string>
  obey(): Promise<string>
  stubborn(): Promise<string>
  progress(every: number, count: number): Promise<string>
  quick(): string
}
const work = service<Work>('Work@1.0.0', { wait: { concurrency: 1 }, obey: {}, stubborn: {}, progress: {}, quick: {} })

interface Stage {
  readonly h: Harness
  readonly worker: Client
  readonly caller: Client
  readonly log: string[]
  /** Lets the first `wait` go. */
  release(): void
}

async function stage(): Promise<Stage> {
  const h = harness()
  const worker = await h.client('worker')
  const log: string[] = []
  const releases: (() => void)[] = []
  const sleep = (ms: number): Promise<void> => h.processOf(worker).sleep(ms)
  await worker.expose(work, {
    wait: async () => {
      log.push('started')
      await new Promise<void>((resolve) => releases.push(resolve))
      return 'done'
    },
    obey: async () => {
      const { signal } = currentCall()
      log.push('started')
      await new Promise<void>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
      return 'never'
    },
    stubborn: async () => {
      const { signal } = currentCall()
      log.push('started')
      await sleep(2000)
      log.push(signal.aborted ? 'ended, aborted' : 'ended')
      return 'late'
    },
    progress: async (every, count) => {
      const call = currentCall()
      for (let completed = 1; completed <= count; completed++) {
        await sleep(every)
        call.progress({ total: count, completed })
      }
      return 'done'
    },
    quick: () => {
      log.push('quick')
      return 'quick'
    },
  })
  return { h, worker, caller: await h.client('caller'), log, release: () => releases.shift()?.() }
}

/** How the call failed, and at which time. */
function failed(h: Harness, call: Promise<unknown>): Promise<WaybillError & { atMs: number }> {
  return call.then(
    () => expect.unreachable(),
    (error: WaybillError) => Object.assign(error, { atMs: h.world.nowMs }),
  )
}

function failure(h: Harness, call: Promise<unknown>): Promise<WaybillError & { atMs: number }> {
  return h.until(failed(h, call))
}

describe('cancel', () => {
  test.each(['cancel()', 'signal'] as const)('by %s is seen by the callee, and the call ends as cancelled', async (how) => {
    const { h, caller, log } = await stage()
    await using _ = h
    const abort = new AbortController()
    const call = caller.remote(work, { signal: abort.signal }).obey()
    await h.advance(10)
    expect(log).toEqual(['started'])
    if (how === 'signal') abort.abort(new Error('enough'))
    else await call.cancel('enough')
    const error = await failure(h, call)
    expect(error).toMatchObject({ code: 'Cancelled', executed: 'maybe' })
    expect(error.atMs).toBe(10)
  })

  test('before the call was sent: no', async () => {
    const { h, caller, log } = await stage()
    await using _ = h
    const aborted = caller.remote(work, { signal: AbortSignal.abort() }).quick()
    expect(await failure(h, aborted)).toMatchObject({ code: 'Cancelled', executed: 'no' })
    const call = caller.remote(work).quick()
    await call.cancel()
    expect(await failure(h, call)).toMatchObject({ code: 'Cancelled', executed: 'no' })
    await h.advance(1000)
    expect(log).toEqual([])
  })

  test('before the call was started, at the callee or at the router: no', async () => {
    const { h, caller, log, release } = await stage()
    await using _ = h
    const proxy = caller.remote(work)
    const first = proxy.wait()
    const queued = proxy.wait()
    await h.advance(10)
    await queued.cancel()
    expect(await failure(h, queued)).toMatchObject({ code: 'Cancelled', executed: 'no' })
    release()
    expect(await h.until(first)).toBe('done')
    await h.advance(1000)
    expect(log).toEqual(['started'])
  })

  test('at the router, which holds what nobody has room for: no', async () => {
    await using h = harness()
    const worker = await h.client('worker')
    let started = 0
    await worker.expose(service<Work>('One@1.0.0', { wait: {} }, { concurrency: 1 }), {
      wait: () => (
        started++,
        h
          .processOf(worker)
          .sleep(100)
          .then(() => 'done')
      ),
    } as unknown as Work)
    const caller = await h.client('caller')
    const { wait } = caller.remote<Work>('One')
    const first = wait()
    const held = wait()
    await h.advance(1)
    expect(h.router.load.heldCalls).toBe(1)
    await held.cancel()
    expect(await failure(h, held)).toMatchObject({ code: 'Cancelled', executed: 'no' })
    expect(h.router.load.heldCalls).toBe(0)
    await h.until(first)
    expect(started).toBe(1)
  })

  test('a method that does not listen is given a grace, and keeps its place until it ends', async () => {
    const { h, caller, worker, log } = await stage()
    await using _ = h
    const call = caller.remote(work).stubborn()
    await h.advance(10)
    await call.cancel()
    const error = await failure(h, call)
    expect(error).toMatchObject({ code: 'Cancelled', executed: 'maybe' })
    expect(error.atMs).toBe(260)
    expect(worker.pending.incoming).toBe(1)
    await h.advance(2000)
    expect(worker.pending.incoming).toBe(0)
    expect(log).toEqual(['started', 'ended, aborted'])
  })

  test('what is answered in the grace is the outcome', async () => {
    const { h, caller, release } = await stage()
    await using _ = h
    const call = caller.remote(work).wait()
    await h.advance(10)
    await call.cancel()
    release()
    expect(await h.until(call)).toBe('done')
  })

  test('twice, or after the end, does nothing', async () => {
    const { h, caller } = await stage()
    await using _ = h
    const call = caller.remote(work).obey()
    await h.advance(10)
    await Promise.all([call.cancel(), call.cancel()])
    expect(await failure(h, call)).toMatchObject({ code: 'Cancelled' })
    await call.cancel()
    const quick = caller.remote(work).quick()
    await quick
    await quick.cancel()
    expect(await quick).toBe('quick')
  })

  test('a signal is let go when the call ends', async () => {
    const { h, caller } = await stage()
    await using _ = h
    const abort = new AbortController()
    let listening = 0
    const { signal } = abort
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = ((...args: Parameters<typeof add>) => (listening++, add(...args))) as typeof add
    signal.removeEventListener = ((...args: Parameters<typeof remove>) => (listening--, remove(...args))) as typeof remove
    for (let n = 0; n < 10; n++) await caller.remote(work, { signal }).quick()
    expect(listening).toBe(0)
  })

  test('a caller that is gone cancels what it asked for', async () => {
    const { h, caller, log } = await stage()
    await using _ = h
    const call = caller.remote(work).stubborn()
    call.catch(() => {})
    await h.advance(10)
    h.kill(caller)
    await h.advance(3000)
    expect(log).toEqual(['started', 'ended, aborted'])
    expect(h.router.load.pendingCalls).toBe(0)
  })
})

describe('the idle timeout', () => {
  test('ends a call of which nothing is heard', async () => {
    const { h, caller, log } = await stage()
    await using _ = h
    const call = caller.remote(work, { timeout: 100 }).stubborn()
    const error = await failure(h, call)
    expect(error).toMatchObject({ code: 'IdleTimeout', executed: 'maybe' })
    // 100, a tick of the wheel, and the grace that the method did not use.
    expect(error.atMs).toBeGreaterThanOrEqual(350)
    expect(error.atMs).toBeLessThan(370)
    await h.advance(2000)
    expect(log).toEqual(['started', 'ended, aborted'])
  })

  test('is renewed by progress', async () => {
    const { h, caller } = await stage()
    await using _ = h
    expect(await h.until(caller.remote(work, { timeout: 100 }).progress(80, 10))).toBe('done')
    expect(await failure(h, caller.remote(work, { timeout: 100 }).progress(130, 10))).toMatchObject({ code: 'IdleTimeout' })
    await h.advance(2000)
  })

  test('of a call that could not be sent: no', async () => {
    const { h, caller } = await stage()
    await using _ = h
    h.network.isolate('caller', 'reset')
    h.network.cut(h.processOf(caller))
    await h.advance(2000)
    const call = caller.remote(work, { timeout: 500 }).quick()
    expect(await failure(h, call)).toMatchObject({ code: 'IdleTimeout', executed: 'no' })
    h.network.isolate('caller', undefined)
    await h.advance(20_000)
  })
})

describe('the deadline', () => {
  test('of a call that nobody ever had is the router’s verdict: no', async () => {
    await using h = harness()
    const worker = await h.client('worker')
    let started = 0
    await worker.expose(service<Work>('One@1.0.0', { wait: {} }, { concurrency: 1 }), {
      wait: () => (
        started++,
        h
          .processOf(worker)
          .sleep(1000)
          .then(() => 'done')
      ),
    } as unknown as Work)
    const caller = await h.client('caller')
    const first = caller.remote<Work>('One').wait()
    const call = caller.remote<Work>('One', { deadline: 200 }).wait()
    const error = await failure(h, call)
    expect(error).toMatchObject({ code: 'DeadlineExceeded', executed: 'no' })
    // The router’s, not the caller’s own, which fires 250 ms later.
    expect(error.atMs).toBeGreaterThanOrEqual(200)
    expect(error.atMs).toBeLessThan(220)
    await h.until(first)
    await h.advance(1000)
    expect(started).toBe(1)
  })

  test('of a call that was handed over: maybe, and progress does not renew it', async () => {
    const { h, caller, worker } = await stage()
    await using _ = h
    const call = caller.remote(work, { deadline: 200, timeout: 1000 }).progress(50, 100)
    const error = await failure(h, call)
    expect(error).toMatchObject({ code: 'DeadlineExceeded', executed: 'maybe' })
    expect(error.atMs).toBeLessThan(220)
    expect(worker.pending.incoming).toBe(1)
    await h.advance(10_000)
  })

  test('without a router that answers, the caller’s own verdict comes a little later: maybe', async () => {
    const { h, caller } = await stage()
    await using _ = h
    const call = caller.remote(work, { deadline: 200 }).obey()
    await h.advance(10)
    h.network.silence(h.processOf(caller), 'both')
    const error = await failure(h, call)
    expect(error).toMatchObject({ code: 'DeadlineExceeded', executed: 'maybe' })
    expect(error.atMs).toBeGreaterThanOrEqual(450)
    expect(error.atMs).toBeLessThan(470)
    await h.advance(30_000)
  })

  test('is known to the callee, which does not begin after it', async () => {
    const { h, caller, worker, log, release } = await stage()
    await using _ = h
    let deadlineMs: number | undefined
    await worker.expose(service<Work>('Clock@1.0.0', { quick: {} }), {
      quick: () => String((deadlineMs = currentCall().deadlineMs)),
    } as unknown as Work)
    await caller.remote<Work>('Clock', { deadline: '5s' }).quick()
    expect(deadlineMs! - h.processOf(worker).clock.nowMs()).toBeCloseTo(5000, -1)
    const first = caller.remote(work).wait()
    const second = failed(h, caller.remote(work, { deadline: 100 }).wait())
    await h.advance(10)
    // The router's cancel does not reach it.
    h.network.silence(h.processOf(worker), 'in')
    expect(await h.until(second)).toMatchObject({ code: 'DeadlineExceeded', executed: 'maybe' })
    expect(worker.pending.incoming).toBe(2)
    release()
    expect(await h.until(first)).toBe('done')
    expect(log).toEqual(['started'])
    expect(worker.pending.incoming).toBe(0)
    await h.advance(60_000)
  })
})
