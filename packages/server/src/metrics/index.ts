/**
 * The figures of a router as Prometheus reads them. Loaded only where somebody asked for them; everything is folded when it is read. Owns the names
 * and help texts, and the watch on the event loop.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Counter, Gauge, Registry, type Metric } from 'prom-client'
import { DURATIONS_MS, type Tally } from '../tally.js'

/** Of the router as it is now. */
export interface Measured {
  readonly sessions: number
  readonly instances: number
  readonly pendingCalls: number
  readonly heldCalls: number
  readonly storedCalls: number
  readonly subscriptions: number
  readonly receipts: number
  readonly receiptBytes: number
  readonly staleFrames: number
  readonly droppedCalls: number
  readonly eventsPublished: number
  readonly eventsDelivered: number
  readonly eventsLeftOut: number
  readonly loggedEvents: number
  readonly loggedBytes: number
}

export interface Metrics {
  readonly contentType: string
  text(): Promise<string>
  close(): void
}

type Rows = readonly (readonly [labels: Readonly<Record<string, string>>, value: number])[]

const gauges: readonly [name: string, help: string, of: keyof Measured][] = [
  ['sessions', 'Clients that are connected, or may come back', 'sessions'],
  ['instances', 'Services that are offered, each at its client', 'instances'],
  ['calls_pending', 'Calls that have not ended', 'pendingCalls'],
  ['calls_held', 'Calls that wait for room at an instance', 'heldCalls'],
  ['calls_stored', 'Stored calls without an outcome', 'storedCalls'],
  ['receipts', 'Receipts that are kept', 'receipts'],
  ['receipts_bytes', 'Bytes of the receipts that are kept', 'receiptBytes'],
  ['subscriptions', 'Subscriptions to events', 'subscriptions'],
  ['events_logged', 'Durable events that are kept', 'loggedEvents'],
  ['events_logged_bytes', 'Bytes of the durable events that are kept', 'loggedBytes'],
]

const counters: readonly [name: string, help: string, of: keyof Measured][] = [
  ['frames_stale_total', 'Frames for a call that had ended, or was not of who sent them', 'staleFrames'],
  ['calls_dropped_total', 'Calls without a reply that reached nobody', 'droppedCalls'],
  ['events_published_total', 'Events that were published', 'eventsPublished'],
  ['events_delivered_total', 'Events that were given to a subscriber', 'eventsDelivered'],
  ['events_left_out_total', 'Events that a subscriber was too slow for', 'eventsLeftOut'],
]

export function metricsOf(measured: () => Measured, tally: Tally): Metrics {
  const registry = new Registry()
  const gauge = (name: string, help: string, rows: () => Rows): void => {
    const metric = new Gauge({
      name: `waybill_${name}`,
      help,
      registers: [registry],
      labelNames: Object.keys(rows()[0]?.[0] ?? {}),
      collect: () => rows().forEach(([labels, value]) => metric.set(labels, value)),
    })
  }
  const counter = (name: string, help: string, labelNames: readonly string[], rows: () => Rows): void => {
    const metric = new Counter({
      name: `waybill_${name}`,
      help,
      registers: [registry],
      labelNames: [...labelNames],
      collect: () => {
        metric.reset()
        rows().forEach(([labels, value]) => metric.inc(labels, value))
      },
    })
  }
  for (const [name, help, of] of gauges) gauge(name, help, () => [[{}, measured()[of]]])
  for (const [name, help, of] of counters) counter(name, help, [], () => [[{}, measured()[of]]])
  counter('calls_total', 'Calls that ended: with the last word of the callee, or the code of the router', ['outcome'], () =>
    Array.from(tally.outcomes, ([outcome, count]) => [{ outcome }, count]),
  )
  counter('service_calls_total', 'Calls that a service ended; `other` is all beyond the first hundred', ['service', 'outcome'], () =>
    [...tally.services, ['other', tally.other] as const].flatMap(([service, words]) =>
      Object.entries(words).flatMap(([outcome, count]) => (count === 0 ? [] : [[{ service, outcome }, count] as const])),
    ),
  )
  counter('openings_refused_total', 'Links that did not become a session', ['code'], () =>
    Array.from(tally.openingsRefused, ([code, count]) => [{ code }, count]),
  )
  const ways = (inward: number, outward: number): Rows => [
    [{ direction: 'in' }, inward],
    [{ direction: 'out' }, outward],
  ]
  counter('packets_total', 'Packets, with openings', ['direction'], () => ways(tally.packetsIn, tally.packetsOut))
  counter('bytes_total', 'Bytes of packets', ['direction'], () => ways(tally.bytesIn, tally.bytesOut))
  registry.registerMetric(durations(tally))
  const delay = monitorEventLoopDelay({ resolution: 20 })
  delay.enable()
  gauge('event_loop_delay_seconds', 'How late the event loop was since it was last asked', () => {
    const seconds = (nanoseconds: number): number => (Number.isNaN(nanoseconds) ? 0 : nanoseconds / 1e9)
    const rows: Rows = [
      [{ of: 'mean' }, seconds(delay.mean)],
      [{ of: 'p99' }, seconds(delay.percentile(99))],
      [{ of: 'max' }, delay.count === 0 ? 0 : seconds(delay.max)],
    ]
    delay.reset()
    return rows
  })
  gauge('process_resident_bytes', 'Memory of the process', () => [[{}, process.memoryUsage.rss()]])
  counter('process_cpu_seconds_total', 'User and system time of the process', [], () => {
    const { user, system } = process.cpuUsage()
    return [[{}, (user + system) / 1e6]]
  })
  return { contentType: registry.contentType, text: () => registry.metrics(), close: () => delay.disable() }
}

/** A histogram that was counted elsewhere. The library asks a metric for nothing but this when it writes it. */
function durations(tally: Tally): Metric {
  const name = 'waybill_call_duration_seconds'
  const get = (): Promise<object> => {
    let below = 0
    const buckets = Array.from(tally.durations, (count, at) => {
      below += count
      const le = at < DURATIONS_MS.length ? DURATIONS_MS[at]! / 1000 : '+Inf'
      return { metricName: `${name}_bucket`, labels: { le }, value: below }
    })
    const sum = { metricName: `${name}_sum`, labels: {}, value: tally.durationSumMs / 1000 }
    const count = { metricName: `${name}_count`, labels: {}, value: below }
    const help = 'From the arrival of a call to the last word of its callee, at the router'
    return Promise.resolve({ name, help, type: 'histogram', aggregator: 'sum', values: [...buckets, sum, count] })
  }
  return { name, get } as unknown as Metric
}
