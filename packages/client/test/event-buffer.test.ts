/** What waits for a reader: order, bounds, and the gap in the place of what was dropped. */
import type { TopicEvent } from '@waybill/core'
import { describe, expect, test } from 'vitest'
import { EventBuffer, MAX_WAITING_BYTES, MAX_WAITING_EVENTS, type EventOrGap } from '../src/event-buffer.js'

const event = (cursor: number): TopicEvent<unknown> => ({ kind: 'event', topic: 'a', value: cursor, from: 'x', cursor })
const gap = (missed: number, from: number, to: number): EventOrGap & { kind: 'gap' } => ({ kind: 'gap', missed, from, to })

function all(buffer: EventBuffer): readonly (number | EventOrGap)[] {
  const read: (number | EventOrGap)[] = []
  for (let item = buffer.shift(); item !== undefined; item = buffer.shift()) read.push(item.kind === 'event' ? item.cursor : item)
  return read
}

describe('in order', () => {
  test('events and gaps come out as they went in', () => {
    const buffer = new EventBuffer()
    expect(buffer.shift()).toBeUndefined()
    buffer.push(event(1), 10)
    buffer.gap(gap(2, 2, 3))
    buffer.push(event(4), 10)
    buffer.gap(gap(1, 5, 5))
    expect(buffer.size).toBe(4)
    expect(all(buffer)).toEqual([1, gap(2, 2, 3), 4, gap(1, 5, 5)])
    expect(buffer.size).toBe(0)
  })

  test('gaps without an event between are one; what is unknown makes the sum unknown', () => {
    const buffer = new EventBuffer()
    buffer.gap(gap(2, 2, 3))
    buffer.gap(gap(3, 7, 9))
    expect(all(buffer)).toEqual([gap(5, 2, 9)])
    buffer.gap(gap(2, 2, 3))
    buffer.gap({ kind: 'gap' })
    buffer.gap(gap(3, 1, 3))
    expect(all(buffer)).toEqual([{ kind: 'gap' }])
  })
})

describe('bounds', () => {
  test('the oldest go, and are counted where they were', () => {
    const buffer = new EventBuffer()
    for (let cursor = 1; cursor <= MAX_WAITING_EVENTS + 5; cursor++) buffer.push(event(cursor), 10)
    const [first, ...rest] = all(buffer)
    expect(first).toEqual(gap(5, 1, 5))
    expect(rest).toEqual(Array.from({ length: MAX_WAITING_EVENTS }, (_, at) => at + 6))
  })

  test('gaps that are dropped are added up', () => {
    const buffer = new EventBuffer()
    buffer.push(event(1), 10)
    buffer.gap(gap(10, 2, 11))
    for (let cursor = 12; cursor < 12 + MAX_WAITING_EVENTS; cursor++) buffer.push(event(cursor), 10)
    expect(all(buffer)[0]).toEqual(gap(11, 1, 11))
    for (let n = 0; n < 10 * MAX_WAITING_EVENTS; n++) {
      buffer.gap(gap(1, n, n))
      buffer.push(event(n), 10)
    }
    expect(buffer.size).toBeLessThanOrEqual(MAX_WAITING_EVENTS + 1)
  })

  test('large ones count by their bytes, and one is always kept', () => {
    const buffer = new EventBuffer()
    for (let cursor = 1; cursor <= 5; cursor++) buffer.push(event(cursor), MAX_WAITING_BYTES / 2)
    expect(all(buffer)).toEqual([gap(3, 1, 3), 4, 5])
    buffer.push(event(6), 2 * MAX_WAITING_BYTES)
    expect(all(buffer)).toEqual([6])
    buffer.push(event(7), 1)
    buffer.push(event(8), MAX_WAITING_BYTES)
    expect(all(buffer)).toEqual([gap(1, 7, 7), 8])
  })

  test('what was read or cleared weighs nothing', () => {
    const buffer = new EventBuffer()
    buffer.push(event(1), MAX_WAITING_BYTES)
    buffer.clear()
    for (let cursor = 1; cursor <= 10; cursor++) {
      buffer.push(event(cursor), MAX_WAITING_BYTES)
      expect(all(buffer)).toEqual([cursor])
    }
  })
})
