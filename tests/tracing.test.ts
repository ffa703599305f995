/** One trace through caller, router and callee, by OpenTelemetry's own SDK. */
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor, type ReadableSpan } from '@opentelemetry/sdk-trace-base'
import { service } from '@waybill/client'
import { otelTracing, type Tracing } from '@waybill/client/otel'
import { extensionField, FrameType, joinFields, Tag } from '@waybill/core'
import { harness, ROUTER_URL } from '@waybill/testkit'
import { afterEach, expect, test } from 'vitest'
import { body, frameOf, HostilePeer } from './hostile-peer.js'

interface Dog {
  bark(phrase: string): string
  walk(): Promise<string>
}
const dog = service<Dog>('Dog@1.0.0', { bark: {}, walk: {} })

const exporter = new InMemorySpanExporter()
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
const tracing = otelTracing({ tracer: provider.getTracer('test') })

afterEach(() => {
  exporter.reset()
  context.disable()
  propagation.disable()
})

/** `kind name < parent's kind and name`, those that ended first last. */
function seen(): string[] {
  const spans = exporter.getFinishedSpans()
  const byId = new Map(spans.map((span) => [span.spanContext().spanId, span]))
  const nameOf = (span: ReadableSpan): string => `${SpanKind[span.kind]} ${span.name}`
  return spans
    .map((span) => {
      const { spanId } = span.parentSpanContext ?? {}
      return spanId === undefined ? nameOf(span) : `${nameOf(span)} < ${byId.has(spanId) ? nameOf(byId.get(spanId)!) : spanId}`
    })
    .toReversed()
}

const traces = (): Set<string> => new Set(exporter.getFinishedSpans().map((span) => span.spanContext().traceId))

test.each([
  ['with', true],
  ['without', false],
] as const)('a call and the call that it makes are one trace, %s a context manager', async (_with, managed) => {
  if (managed) context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  await using h = harness({ router: { tracing } })
  const kennel = await h.client('kennel', { tracing })
  await kennel.expose(dog, {
    bark: (phrase) => phrase,
    walk: async () => {
      await Promise.resolve()
      return kennel.remote(dog).bark('on the way')
    },
  })
  const walker = await h.client('walker', { tracing })
  // Services are offered by calls to the router, which are traces of their own.
  exporter.reset()
  expect(await walker.remote(dog).walk()).toBe('on the way')
  expect(traces().size).toBe(1)
  expect(seen()).toEqual([
    'CLIENT Dog.walk',
    'INTERNAL Dog.walk < CLIENT Dog.walk',
    'SERVER Dog.walk < CLIENT Dog.walk',
    'CLIENT Dog.bark < SERVER Dog.walk',
    'INTERNAL Dog.bark < CLIENT Dog.bark',
    'SERVER Dog.bark < CLIENT Dog.bark',
  ])
  expect(exporter.getFinishedSpans().every(({ status }) => status.code === SpanStatusCode.UNSET)).toBe(true)
})

test('an exception is the status of all three; a refusal that of the caller and the router', async () => {
  await using h = harness({ router: { tracing } })
  const kennel = await h.client('kennel', { tracing, onIncident: () => {} })
  await kennel.expose(dog, {
    bark: () => {
      throw new TypeError('no voice')
    },
    walk: () => Promise.resolve(''),
  })
  const walker = await h.client('walker', { tracing })
  exporter.reset()
  await expect(walker.remote(dog).bark('')).rejects.toThrow('no voice')
  const statuses = (): string[] =>
    exporter.getFinishedSpans().map(({ kind, status: { code, message } }) => `${SpanKind[kind]} ${SpanStatusCode[code]} ${message}`)
  expect(statuses()).toEqual(['SERVER ERROR no voice', 'INTERNAL ERROR exception', 'CLIENT ERROR no voice'])
  expect(exporter.getFinishedSpans()[0]!.events[0]).toMatchObject({ name: 'exception', attributes: { 'exception.type': 'TypeError' } })
  exporter.reset()
  await expect(h.until(walker.remote<Dog>('Cat').bark(''))).rejects.toMatchObject({ code: 'NoSuchService' })
  expect(exporter.getFinishedSpans().at(-1)).toMatchObject({
    kind: SpanKind.CLIENT,
    attributes: { 'waybill.code': 'NoSuchService', 'rpc.method': 'bark' },
  })
  exporter.reset()
  expect(() => walker.remote(dog).bark.send('')).not.toThrow()
  await h.advance(10)
  expect(seen()).toEqual(['SERVER Dog.bark < CLIENT Dog.bark', 'CLIENT Dog.bark'])
})

test('who does not trace passes the context on; what is no context begins a trace of its own', async () => {
  await using h = harness()
  const taken: (string | undefined)[] = []
  const running: Tracing['running'] = (call, text) => {
    taken.push(text)
    return tracing.running(call, text)
  }
  const kennel = await h.client('kennel', { tracing: { ...tracing, running } })
  await kennel.expose(dog, { bark: () => trace.getActiveSpan()?.spanContext().traceId ?? 'none', walk: () => Promise.resolve('') })
  const peer = await HostilePeer.open(h.network.transport(h.world.process('peer')), ROUTER_URL)
  const names = [extensionField(Tag.destination, 'Dog'), extensionField(Tag.method, 'bark')]
  const traceId = '0af7651916cd43dd8448eb211c80319c'
  const good = `00-${traceId}-b7ad6b7169203331-01`
  const contexts: [text: string, isOne: boolean][] = [
    [good, true],
    [`${good},a=1,b=2`, true],
    [`${good},${'x'.repeat(600)}`, false],
    ['', false],
    [good.toUpperCase(), false],
    [`${good}-more`, false],
    [`${good},\n`, false],
    [`00-${traceId}-b7ad6b716920333-01`, false],
    ['\u0000'.repeat(60_000), false],
  ]
  for (const [index, [text, isOne]] of contexts.entries()) {
    exporter.reset()
    const fields = joinFields([...names, extensionField(Tag.trace, text)])
    peer.send(frameOf({ type: FrameType.call, source: peer.connected.symbol, call: index + 1 }, fields, body([''])))
    expect((await peer.next(({ call }) => call === index + 1)).type, text.slice(0, 100)).toBe(FrameType.result)
    const [span] = exporter.getFinishedSpans()
    expect([text.slice(0, 80), span?.parentSpanContext?.spanId]).toEqual([text.slice(0, 80), isOne ? 'b7ad6b7169203331' : undefined])
    if (isOne) expect(span?.spanContext()).toMatchObject({ traceId })
    expect(taken.at(-1)).toBe(text.length <= 600 ? text : undefined)
    if (text.endsWith('b=2')) expect(span?.spanContext().traceState?.get('b')).toBe('2')
  }
})

test('a caller that does not trace writes no context', async () => {
  const given: (string | undefined)[] = []
  await using h = harness({ router: { tracing: { ...tracing, passing: (_call, text) => void given.push(text) } } })
  const kennel = await h.client('kennel')
  await kennel.expose(dog, { bark: (phrase) => phrase, walk: () => Promise.resolve('') })
  await (await h.client('walker')).remote(dog).bark('')
  await (await h.client('tracer', { tracing })).remote(dog).bark('')
  expect(given).toEqual([undefined, expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)])
})
