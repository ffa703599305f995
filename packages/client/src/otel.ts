/**
 * Tracing over OpenTelemetry, as `@waybill/client/otel`: for `connect(url, { tracing })`, and for `createRouter({ tracing })`. Only what imports this needs
 * `@opentelemetry/api`. Carries W3C trace contexts and no baggage.
 */
import {
  context as contexts,
  createTraceState,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Context,
  type Span,
  type Tracer,
} from '@opentelemetry/api'
import type { RunSpan, TraceContext, TracedCall, Tracing } from '@waybill/core'

export type { Tracing } from '@waybill/core'

/** `tracer`: default, the one of the global provider. */
export function otelTracing({ tracer = trace.getTracer('waybill') }: { readonly tracer?: Tracer } = {}): Tracing {
  const begin = (kind: SpanKind, { service, method }: TracedCall, parent: Context): Span =>
    tracer.startSpan(
      service === '' ? method : `${service}.${method}`,
      { kind, attributes: { 'rpc.system': 'waybill', 'rpc.service': service, 'rpc.method': method } },
      parent,
    )
  const onItsWay = (span: Span) => ({ context: textOf(span), ended: (error?: unknown) => end(span, error) })
  // Found again where the program has no context manager, which alone follows a run through its awaits.
  const inner = new WeakMap<RunSpan, Context>()
  return {
    calling: (call, during) => {
      const active = contexts.active()
      const parent = trace.getSpan(active) === undefined ? ((during && inner.get(during)) ?? active) : active
      return onItsWay(begin(SpanKind.CLIENT, call, parent))
    },
    passing: (call, text) => onItsWay(begin(SpanKind.INTERNAL, call, contextOf(text))),
    running: (call, text) => {
      const span = begin(SpanKind.SERVER, call, contextOf(text))
      const within = trace.setSpan(ROOT_CONTEXT, span)
      const run: RunSpan = { within: (code) => contexts.with(within, code), ended: (error) => end(span, error) }
      inner.set(run, within)
      return run
    },
  }
}

function end(span: Span, error: unknown): void {
  if (error !== undefined) {
    const { code, message } = error as { code?: unknown; message?: unknown }
    if (typeof code === 'string') span.setAttribute('waybill.code', code)
    if (error instanceof Error) span.recordException(error)
    span.setStatus({ code: SpanStatusCode.ERROR, message: typeof message === 'string' ? message : typeof error })
  }
  span.end()
}

const MAX_STATE_CHARACTERS = 512

function textOf(span: Span): TraceContext {
  const { traceId, spanId, traceFlags, traceState } = span.spanContext()
  const parent = `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`
  const state = traceState?.serialize() ?? ''
  return state === '' || state.length > MAX_STATE_CHARACTERS ? parent : `${parent},${state}`
}

/** What is not a context of this version begins a trace of its own. */
function contextOf(text: TraceContext | undefined): Context {
  const parts = text === undefined ? null : /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:,([\x20-\x7e]{1,512}))?$/.exec(text)
  if (parts === null) return ROOT_CONTEXT
  const [, traceId, spanId, flags, state] = parts
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId: traceId!,
    spanId: spanId!,
    traceFlags: Number.parseInt(flags!, 16),
    isRemote: true,
    ...(state !== undefined && { traceState: createTraceState(state) }),
  })
}
