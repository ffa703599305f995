/** What is waited for, against simple models: the ring by call number, the wheel of deadlines, the queue, the set that knows its oldest. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FifoSet, Queue, Ring, Timed, Wheel } from '../src/pending/index.js'
import type { Clock } from '../src/ports/index.js'

const options = { numRuns: 400, seed: 1 }

describe('Ring', () => {
  // Numbers that crowd into the same slots, and numbers in order.
  const number = fc.oneof(
    fc.nat(40),
    fc.nat(40).map((n) => n * 2 ** 16),
    fc.nat(40).map((n) => (0xffffffff - n) >>> 0),
    fc.nat(0xffffffff),
  )
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.tuple(fc.constant('add' as const), number) },
    { weight: 3, arbitrary: fc.tuple(fc.constant('delete' as const), number) },
    { weight: 3, arbitrary: fc.tuple(fc.constant('get' as const), number) },
  )

  it('is a map by number', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const ring = new Ring<{ n: number }>()
        const model = new Map<number, { n: number }>()
        for (const [kind, n] of steps) {
          if (kind === 'add' && !model.has(n)) {
            const value = { n }
            ring.add(n, value)
            model.set(n, value)
          } else if (kind === 'delete') {
            expect(ring.delete(n)).toBe(model.get(n))
            model.delete(n)
          }
          expect(ring.get(n)).toBe(model.get(n))
          expect(ring.size).toBe(model.size)
        }
        const byNumber = (left: { n: number }, right: { n: number }): number => left.n - right.n
        expect(ring.values().toSorted(byNumber)).toEqual([...model.values()].toSorted(byNumber))
        for (const [n, value] of model) expect(ring.get(n)).toBe(value)
      }),
      options,
    )
  })

  it('holds many in order, and one that outlives them all', () => {
    const ring = new Ring<number>()
    ring.add(1, 1)
    for (let n = 2; n < 200_000; n++) {
      ring.add(n, n)
      if (n > 100) ring.delete(n - 99)
    }
    expect(ring.get(1)).toBe(1)
    expect(ring.size).toBe(1 + 99)
    expect(ring.values()).toHaveLength(100)
  })

  it('goes round where the numbers wrap', () => {
    const ring = new Ring<number>()
    for (let n = 0; n < 100; n++) ring.add((0xffffffff - 50 + n) >>> 0, n)
    expect(ring.get(0xffffffff)).toBe(50)
    expect(ring.get(0)).toBe(51)
    expect(ring.delete(0)).toBe(51)
    expect(ring.get(0)).toBeUndefined()
  })
})

/** Time that stands still until it is told to go on. */
class ManualClock implements Clock {
  now = 0
  #timers: { atMs: number; fire: () => void }[] = []
  nowMs = (): number => this.now
  wallMs = (): number => this.now
  get timers(): number {
    return this.#timers.length
  }
  timer(delayMs: number, fire: () => void): { cancel(): void } {
    const timer = { atMs: this.now + delayMs, fire }
    this.#timers.push(timer)
    return { cancel: () => (this.#timers = this.#timers.filter((one) => one !== timer)) }
  }
  /** A busy process: nothing fires until it has time, and then everything that is due. */
  advance(ms: number, busy = false): void {
    const until = this.now + ms
    if (busy) this.now = until
    for (;;) {
      const next = this.#timers.filter(({ atMs }) => atMs <= until).toSorted((left, right) => left.atMs - right.atMs)[0]
      if (next === undefined) break
      this.#timers = this.#timers.filter((one) => one !== next)
      this.now = Math.max(this.now, next.atMs)
      next.fire()
    }
    this.now = until
  }
}

class Entry extends Timed {
  fired: number[] = []
  again: number | undefined
  constructor(
    readonly clock: ManualClock,
    readonly wheel: Wheel,
  ) {
    super()
  }
  override due(): void {
    this.fired.push(this.clock.now)
    if (this.again === undefined) return
    this.wheel.add(this, this.clock.now + this.again)
    this.again = undefined
  }
}

describe('Wheel', () => {
  const TICK_MS = 16
  const delay = fc.oneof(fc.nat(100), fc.nat(20_000), fc.constantFrom(0, 16, 8192, 8191, 8208, 100_000))
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('add' as const), entry: fc.nat(9), delay }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), entry: fc.nat(9), delay: fc.constant(0) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('again' as const), entry: fc.nat(9), delay }) },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constantFrom('advance' as const, 'busy' as const), entry: fc.constant(0), delay: fc.nat(12_000) }),
    },
  )

  it('fires each deadline once, not before it is due and at most a tick after', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat(1e6), (steps, origin) => {
        const clock = new ManualClock()
        clock.now = origin / 7
        const wheel = new Wheel(clock)
        const entries = Array.from({ length: 10 }, () => new Entry(clock, wheel))
        const due = new Map<Entry, number>()
        let busyUntil = 0
        const again = new Map<Entry, number>()
        const look = (): void => {
          for (const entry of entries) {
            for (const firedMs of entry.fired.splice(0)) {
              const expected = due.get(entry)
              expect(expected, 'was to fire').toBeDefined()
              expect(firedMs).toBeGreaterThanOrEqual(expected! - 1e-6)
              expect(firedMs).toBeLessThanOrEqual(Math.max(expected! + TICK_MS, busyUntil) + 1e-6)
              const delay = again.get(entry)
              again.delete(entry)
              if (delay === undefined) due.delete(entry)
              else due.set(entry, firedMs + delay)
            }
            const waiting = due.get(entry)
            if (waiting !== undefined) expect(waiting + TICK_MS + 1, 'still waiting').toBeGreaterThan(clock.now)
          }
        }
        for (const { kind, entry: index, delay: ms } of steps) {
          const entry = entries[index]!
          if (kind === 'add') {
            due.set(entry, clock.now + ms)
            wheel.add(entry, clock.now + ms)
          } else if (kind === 'remove') {
            due.delete(entry)
            wheel.remove(entry)
          } else if (kind === 'again') {
            entry.again = ms
            again.set(entry, ms)
          } else {
            if (kind === 'busy') busyUntil = clock.now + ms
            clock.advance(ms, kind === 'busy')
            look()
          }
          expect(wheel.size).toBe(due.size)
        }
        clock.advance(200_000)
        look()
        expect([wheel.size, due.size]).toEqual([0, 0])
        clock.advance(20_000)
        expect(clock.timers).toBe(0)
      }),
      options,
    )
  })

  it('lets an entry renew itself, and another one, while it fires', () => {
    const clock = new ManualClock()
    const wheel = new Wheel(clock)
    const [one, two] = [new Entry(clock, wheel), new Entry(clock, wheel)]
    one.again = 50
    two.again = 5
    wheel.add(one, 30)
    wheel.add(two, 31)
    clock.advance(1000)
    expect([one.fired.length, two.fired.length]).toEqual([2, 2])
    expect(one.fired[1]! - one.fired[0]!).toBeGreaterThanOrEqual(50)
    expect(one.fired[1]! - one.fired[0]!).toBeLessThanOrEqual(50 + TICK_MS)
  })

  it('needs one timer however many wait, and none after stop', () => {
    const clock = new ManualClock()
    const wheel = new Wheel(clock)
    for (let n = 0; n < 1000; n++) wheel.add(new Entry(clock, wheel), 100 + n * 10)
    expect([wheel.size, clock.timers]).toEqual([1000, 1])
    wheel.stop()
    expect(clock.timers).toBe(0)
  })
})

describe('Queue', () => {
  it('is first in, first out', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.constant('shift' as const), fc.constant('clear' as const), fc.nat()), { maxLength: 300 }),
        (steps) => {
          const queue = new Queue<number>()
          const model: number[] = []
          for (const step of steps) {
            if (step === 'shift') expect(queue.shift()).toBe(model.shift())
            else if (step === 'clear' && model.length > 20) {
              queue.clear()
              model.length = 0
            } else if (typeof step === 'number') {
              queue.push(step)
              model.push(step)
            }
            expect(queue.size).toBe(model.length)
          }
        },
      ),
      options,
    )
  })

  it('does not keep what has left', () => {
    const queue = new Queue<number>()
    for (let n = 0; n < 5000; n++) queue.push(n)
    for (let n = 0; n < 4000; n++) expect(queue.shift()).toBe(n)
    for (let n = 5000; n < 9000; n++) queue.push(n)
    for (let n = 4000; n < 9000; n++) expect(queue.shift()).toBe(n)
    expect([queue.size, queue.shift()]).toEqual([0, undefined])
  })
})

describe('FifoSet', () => {
  const member = fc.nat(12)
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.tuple(fc.constant('add' as const), member) },
    { weight: 4, arbitrary: fc.tuple(fc.constant('delete' as const), member) },
    { weight: 3, arbitrary: fc.tuple(fc.constant('oldest' as const), member) },
  )

  it('is a set, and its oldest member is the first of them', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const set = new FifoSet<string>()
        const model = new Set<string>()
        for (const [kind, n] of steps) {
          const one = String(n)
          if (kind === 'add') {
            set.add(one)
            model.add(one)
          } else if (kind === 'delete') expect(set.delete(one)).toBe(model.delete(one))
          else expect(set.oldest).toBe([...model][0])
          expect([...set]).toEqual([...model])
          expect(set.size).toBe(model.size)
        }
        expect(set.oldest).toBe([...model][0])
      }),
      options,
    )
  })

  it('is emptied from its oldest on in a time that grows with its members, not with their square', () => {
    const set = new FifoSet<object>()
    for (let n = 0; n < 200_000; n++) set.add({ n })
    const startedMs = performance.now()
    for (let n = 0; n < 200_000; n++) set.delete(set.oldest!)
    // Some 30 ms; a plain set takes 8 s.
    expect(performance.now() - startedMs).toBeLessThan(2000)
    expect(set.size).toBe(0)
  })
})
