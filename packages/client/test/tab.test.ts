/** A tab that sleeps: what its timers say afterwards, and what its client is told. */
import type { Clock } from '@waybill/core'
import { harness } from '@waybill/testkit'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Liveness } from '../src/liveness.js'
import { honest, wakes } from '../src/tab.js'

/** A clock whose timers fire when they are told to, however late. */
class Frozen implements Clock {
  now = 0
  readonly timers: { readonly dueMs: number; readonly fire: () => void; cancelled: boolean }[] = []
  readonly nowMs = (): number => this.now
  readonly wallMs = (): number => this.now
  readonly timer = (delayMs: number, fire: () => void): { cancel: () => void } => {
    const one = { dueMs: this.now + delayMs, fire, cancelled: false }
    this.timers.push(one)
    return { cancel: () => void (one.cancelled = true) }
  }

  fire(): void {
    const due = this.timers.splice(0).filter(({ cancelled }) => !cancelled)
    for (const { fire } of due) fire()
  }
}

describe('a timer', () => {
  it('fires when it is due, or a little later', () => {
    const clock = new Frozen()
    const fire = vi.fn<() => void>()
    honest(clock).timer(100, fire)
    clock.now = 900
    clock.fire()
    expect(fire).toHaveBeenCalledOnce()
  })

  it('lets what arrived be read first where nothing ran for long; then it fires, or is cancelled by it', () => {
    const clock = new Frozen()
    const [fire, other] = [vi.fn<() => void>(), vi.fn<() => void>()]
    honest(clock).timer(100, fire)
    const cancelled = honest(clock).timer(100, other)
    clock.now = 60_000
    clock.fire()
    expect(fire).not.toHaveBeenCalled()
    expect(clock.timers.map(({ dueMs }) => dueMs)).toEqual([60_250, 60_250])
    cancelled.cancel()
    clock.now = 600_000
    clock.fire()
    expect(fire).toHaveBeenCalledOnce()
    expect(other).not.toHaveBeenCalled()
  })
})

describe('a client', () => {
  afterEach(() => vi.unstubAllGlobals())

  function stage(hasDocument = true) {
    const window = new EventTarget()
    const document = Object.assign(new EventTarget(), { visibilityState: 'visible' })
    vi.stubGlobal('addEventListener', window.addEventListener.bind(window))
    if (hasDocument) vi.stubGlobal('document', document)
    let end!: () => void
    const client = {
      wake: vi.fn<() => void>(),
      close: vi.fn<() => Promise<void>>(() => Promise.resolve()),
      closed: new Promise<void>((resolve) => (end = resolve)),
    }
    wakes(client)
    return { window, document, client, end }
  }

  it('is woken when the tab is seen again, not when it is hidden, and no more when it has ended', async () => {
    const { window, document, client, end } = stage()
    document.visibilityState = 'hidden'
    document.dispatchEvent(new Event('visibilitychange'))
    expect(client.wake).not.toHaveBeenCalled()
    document.visibilityState = 'visible'
    document.dispatchEvent(new Event('visibilitychange'))
    window.dispatchEvent(new Event('online'))
    expect(client.wake).toHaveBeenCalledTimes(2)
    end()
    await client.closed
    await Promise.resolve()
    window.dispatchEvent(new Event('online'))
    document.dispatchEvent(new Event('resume'))
    expect(client.wake).toHaveBeenCalledTimes(2)
  })

  it('is woken where nobody sees the tab, when it runs again or has a network again', () => {
    const { window, document, client } = stage()
    document.visibilityState = 'hidden'
    document.dispatchEvent(new Event('resume'))
    window.dispatchEvent(new Event('online'))
    expect(client.wake).toHaveBeenCalledTimes(2)
  })

  it('says goodbye when the page is thrown away, not when the browser keeps it', () => {
    const { window, client } = stage()
    window.dispatchEvent(Object.assign(new Event('pagehide'), { persisted: true }))
    expect(client.close).not.toHaveBeenCalled()
    window.dispatchEvent(Object.assign(new Event('pagehide'), { persisted: false }))
    expect(client.close).toHaveBeenCalledWith({ drainMs: 0 })
  })

  it('is woken in a worker, which has no document', () => {
    const { window, client } = stage(false)
    window.dispatchEvent(new Event('online'))
    expect(client.wake).toHaveBeenCalledOnce()
  })
})

it('a link that may be dead is asked at once, and given up when the grace is over', () => {
  const clock = new Frozen()
  const [ask, giveUp] = [vi.fn<() => void>(), vi.fn<() => void>()]
  const limits = { heartbeatMs: 10_000, heartbeatGraceMs: 5000 } as ConstructorParameters<typeof Liveness>[1]
  const liveness = new Liveness(clock, limits, { ask, giveUp })
  clock.now = 1000
  liveness.doubt()
  expect(ask).toHaveBeenCalledOnce()
  clock.now = 5900
  clock.fire()
  expect(giveUp).not.toHaveBeenCalled()
  clock.now = 6000
  clock.fire()
  expect(giveUp).toHaveBeenCalledOnce()
})

it('a client that is woken while an attempt fails makes the next one at once, and after that as seldom as before', async () => {
  await using h = harness()
  const seldom = { firstMs: 600_000, mostMs: 600_000 }
  const client = await h.client('page', { backoff: seldom })
  const page = h.processOf(client)
  // Its packets take long, so that there is time while an attempt is under way.
  h.network.slow('page', 50)
  h.network.isolate('page', 'reset')
  h.network.cut(page)
  await h.advance(90)
  expect(client.isConnected).toBe(false)
  client.wake()
  await h.advance(20)
  h.network.isolate('page', undefined)
  h.network.slow('page', 0)
  await h.advance(100)
  expect(client.isConnected).toBe(true)
  h.network.isolate('page', 'reset')
  h.network.cut(page)
  await h.advance(100)
  h.network.isolate('page', undefined)
  await h.advance(1000)
  expect(client.isConnected).toBe(false)
  client.wake()
  await h.advance(0)
  expect(client.isConnected).toBe(true)
})

it('a client whose session is over in the middle of an attempt asks for a new one at once', async () => {
  await using h = harness({ router: { limits: { resumeGraceMs: 3000 } } })
  const client = await h.client('page', { backoff: { firstMs: 600_000, mostMs: 600_000 } })
  const status: string[] = []
  client.onStatus(({ kind }) => status.push(kind))
  const page = h.processOf(client)
  h.network.isolate('page', 'reset')
  h.network.cut(page)
  await h.advance(2950)
  h.network.isolate('page', undefined)
  h.network.slow('page', 50)
  client.wake()
  await h.advance(100)
  expect([status, client.isConnected]).toEqual([['lost'], false])
  await h.advance(1000)
  expect([status, client.isConnected]).toEqual([['lost', 'connected'], true])
})
