/** The spans of this client's calls, made and run, where somebody traces. Owns which run a span belongs to; knows no tracer. */
import { callAtHand, type CallSpan, type RunSpan, type Tracing } from '@waybill/core'
import type { IncomingCall } from './incoming-call.js'
import type { Request } from './request.js'

/** Of all clients of the process: a call may be made with one while a call of another is run. */
const runs = new WeakMap<object, RunSpan>()

export class Spans {
  readonly #tracing: Tracing

  constructor(tracing: Tracing) {
    this.#tracing = tracing
  }

  calling({ address, method }: Request): CallSpan | undefined {
    const current = callAtHand()
    return this.#tracing.calling({ service: serviceOf(address.name), method: method.name }, current && runs.get(current))
  }

  /** Runs the method of a call as part of its caller's trace. */
  run<R>(call: IncomingCall, code: () => R): R {
    const span = this.#tracing.running({ service: call.service, method: call.method }, call.fields?.trace)
    if (span === undefined) return code()
    runs.set(call, span)
    return span.within(code)
  }

  /** The first time counts. */
  ended(call: IncomingCall, error?: unknown): void {
    const span = runs.get(call)
    if (span === undefined) return
    runs.delete(call)
    span.ended(error)
  }
}

/** Of an address, so that there are no more names of spans than services. */
function serviceOf(address: string): string {
  return /^(?:[^/]*\/)?([^@?]*)/.exec(address)![1]!
}
