/**
 * What a tracer must supply, so that one trace leads from a caller through the router to its callee. Knows no tracer; `@waybill/client/otel` is one over
 * OpenTelemetry.
 */

/** What travels with a call: a W3C `traceparent`, and where there is a `tracestate`, a comma and that. */
export type TraceContext = string

/** A context that is longer is not one: it is neither written nor read. */
export const MAX_TRACE_CHARACTERS = 600

export interface TracedCall {
  /** Without client, range and labels; empty where one instance is called that is only known by its symbol. */
  readonly service: string
  readonly method: string
}

/** A call on its way. */
export interface CallSpan {
  /** For whoever takes the call next. */
  readonly context: TraceContext | undefined
  /** Once; `error` is what it ended with instead of a result. */
  ended(error?: unknown): void
}

/** A call while its method runs. */
export interface RunSpan {
  /** Calls made by the code, and by what it awaits, are children. */
  within<R>(code: () => R): R
  ended(error?: unknown): void
}

/** Each may answer undefined for what it does not trace, and none may throw. */
export interface Tracing {
  /** A call is made; `during` is the run that makes it, as far as that is known. */
  calling(call: TracedCall, during: RunSpan | undefined): CallSpan | undefined
  /** A method is started for a call that came with this context. */
  running(call: TracedCall, context: TraceContext | undefined): RunSpan | undefined
  /** A call passes the router. */
  passing(call: TracedCall, context: TraceContext | undefined): CallSpan | undefined
}
