/** What a trace keeps of a call, and how that looks. */
import type { Call } from '@waybill/client'
import { expect, it } from 'vitest'
import { timelineText } from '../src/show/timeline.js'
import { Trace, type Step } from '../src/tracing.js'

/** A call that is done by hand. */
function played(clock: { ms: number }) {
  const listeners = new Map<string, (value: unknown) => void>()
  let resolve!: (value: unknown) => void
  const promise = new Promise((settle) => (resolve = settle))
  const call = Object.assign(promise, {
    sn: 'sn',
    on: (event: string, listener: (value: unknown) => void) => (listeners.set(event, listener), call),
  }) as unknown as Call<unknown>
  const says = (atMs: number, event: string, value?: unknown): void => {
    clock.ms = atMs
    listeners.get(event)!(value)
  }
  return { call, says, resolve }
}

it('keeps each step with its time, and of many alike the first and the last', async () => {
  const clock = { ms: 1000 }
  const trace = new Trace({ nowMs: () => clock.ms } as never)
  const { call, says, resolve } = played(clock)
  const followed = trace.follow(call)
  says(1001.5, 'accepted')
  says(1002, 'started')
  for (let n = 1; n <= 100; n++) says(1002 + n, 'progress', { total: 100, completed: n })
  says(1110, 'result', 'home')
  resolve('home')
  await followed
  expect(trace.result).toBe('home')
  expect(trace.steps.map(({ event, atMs, count }) => [event, atMs, count])).toEqual([
    ['sent', 0, undefined],
    ['accepted', 1.5, undefined],
    ['started', 2, undefined],
    ...[1, 2, 3, 4, 5].map((n) => ['progress', 2 + n, undefined]),
    ['progress', 102, 95],
    ['result', 110, undefined],
  ])
})

it('shows them under each other, each where it lies in time', () => {
  const steps: Step[] = [
    { event: 'sent', atMs: 0 },
    { event: 'started', atMs: 5 },
    { event: 'item', atMs: 7.5, text: 'a\u001B[2J\nb', count: 95 },
    { event: 'result', atMs: 10, text: 'home' },
  ]
  expect(timelineText('Dog.walk', 'sn', steps, 60)).toEqual([
    'Dog.walk: result after 10.00 ms',
    '  serial number sn',
    '        MS',
    '      0.00  sent       ●',
    '      5.00  started    ────────●',
    '      7.50  item               ───●      95 more, last: a\\x…',
    '     10.00  result                ────●  home',
  ])
})
