/**
 * The calls of this client from their arguments to their terminal word: each moves through `calleeTable`. Owns the turns in which they start
 * and the objects that they run on; which calls there are is `Incoming`'s.
 */
import {
  calleeHolder,
  checkArguments,
  checkResult,
  encodings,
  executed,
  Flag,
  FrameType,
  parseBodyIn,
  runInCall,
  serialNumber,
  WaybillError,
} from '@waybill/core'
import type { BodyLimits, GiveStream, Ports, Progress } from '@waybill/core'
import type { Answers } from './answers.js'
import { askGuard } from './guard.js'
import type { CallSink, IncomingCall } from './incoming-call.js'
import type { Outside } from './isolate/isolation.js'
import { Unbuilt } from './objects.js'
import { takesNoStream } from './refusals.js'
import { calleeFlows, type CalleeStreams } from './streams/callee.js'
import type { Flow, Flows } from './streams/flows.js'
import type { FlowEnd } from './streams/outflow.js'
import type { Spans } from './tracing.js'
import { Turns } from './turns.js'

/** How long a cancelled method may take to end by itself before its caller is answered. */
const CANCEL_GRACE_MS = 250

/** Runs what a call that has a lease does once, and gives what is recorded of it. */
export type Recorded = <T>(call: IncomingCall, lease: string, key: string, run: () => T | PromiseLike<T>) => Promise<T>

export class Running implements CallSink {
  readonly #turns = new Turns()
  readonly #ports: Ports
  readonly #limits: BodyLimits
  readonly #answers: Answers
  readonly #spans: Spans | undefined
  readonly #ended: (call: IncomingCall) => void
  readonly #recorded: Recorded
  readonly #streams: CalleeStreams<IncomingCall>

  /** `ended` is told of each call once, when nothing of it is left here. */
  constructor(parts: {
    ports: Ports
    limits: BodyLimits
    answers: Answers
    spans: Spans | undefined
    recorded: Recorded
    ended: (call: IncomingCall) => void
  }) {
    this.#ports = parts.ports
    this.#limits = parts.limits
    this.#answers = parts.answers
    this.#spans = parts.spans
    this.#ended = parts.ended
    this.#recorded = parts.recorded
    this.#streams = {
      limits: parts.limits,
      sent: (call, result) => this.#sent(call, result),
    }
  }

  /** Its first frame is here: from now on it has its place in the order. */
  arrived(call: IncomingCall): void {
    this.#turns.arrived(call)
  }

  /** Its arguments are here, between `start` and `end`. */
  complete(call: IncomingCall, bytes: Uint8Array, start: number, end: number): void {
    try {
      const isLive = (call.flags & (Flag.noReply | Flag.durable)) === 0
      const streams = isLive && call.encoding !== encodings.json ? this.#receiving(call) : undefined
      const body = parseBodyIn(call.encoding, bytes, start, end, this.#limits, 'given', streams) ?? []
      const args = call.encoding === encodings.parcel ? [body] : body
      if (!Array.isArray(args)) throw new WaybillError('BadArguments', 'the arguments are not a list')
      if (call.fields?.named !== undefined) args.push(call.fields.named)
      const checked = checkArguments(call.contract, args)
      if (!isPromise(checked)) return this.#checked(call, checked)
      checked.then(
        (checkedArgs) => this.#checked(call, checkedArgs),
        (thrown: unknown) => this.refuse(call, WaybillError.from(thrown)),
      )
    } catch (thrown) {
      this.refuse(call, WaybillError.from(thrown))
    }
  }

  #checked(call: IncomingCall, args: readonly unknown[]): void {
    call.args = args
    if (call.contract.guard === undefined) return this.#accept(call)
    const verdict = askGuard(call, (thrown) => this.#answers.incident(call, thrown))
    if (!isPromise(verdict)) return this.#guarded(call, verdict)
    void verdict.then((refusal) => this.#guarded(call, refusal))
  }

  #guarded(call: IncomingCall, refusal: WaybillError | undefined): void {
    if (refusal === undefined) this.#accept(call)
    else this.refuse(call, refusal)
  }

  #accept(call: IncomingCall): void {
    if (call.state !== 'queued') return
    this.#answers.status(FrameType.accepted, call)
    if (this.#turns.mayStart(call)) this.#start(call)
    else this.#turns.wait(call)
  }

  readonly #start = (call: IncomingCall): void => {
    if (call.deadlineMs !== undefined && this.#ports.clock.nowMs() >= call.deadlineMs) {
      return this.refuse(call, new WaybillError('DeadlineExceeded', 'the deadline passed before the call could start', { executed: 'no' }))
    }
    try {
      call.held = call.exposure.take(call)
    } catch (thrown) {
      return this.refuse(call, thrown instanceof Unbuilt ? this.#unbuilt(call, thrown) : WaybillError.from(thrown))
    }
    call.step('start')
    call.exposure.count(call.contract, 1)
    this.#answers.status(FrameType.started, call)
    const { object } = call.held
    try {
      const { contract, args } = call
      const run = (): unknown =>
        contract.isolate ? call.exposure.runApart(call) : runInCall(call, () => contract.invoke.apply(object, args as unknown[]))
      const value = this.#spans === undefined ? run() : this.#spans.run(call, run)
      if (!isPromise(value)) return this.#returned(call, value)
      // A promise of another make may settle twice; ours does not.
      const promise = value instanceof Promise ? value : Promise.resolve(value)
      promise.then(
        (settled) => this.#returned(call, settled),
        (thrown: unknown) => this.#threw(call, thrown),
      )
    } catch (thrown) {
      this.#threw(call, thrown)
    }
  }

  #unbuilt(call: IncomingCall, { cause }: Unbuilt): WaybillError {
    const incident = this.#answers.incident(call, cause)
    return new WaybillError('Rejected', `${call.service} could not be constructed; incident ${incident}`, { details: { incident } })
  }

  #returned(call: IncomingCall, value: unknown): void {
    if (call.state === 'abandoned') return this.#dismissed(call, value)
    try {
      const checked = checkResult(call.contract, value)
      if (!isPromise(checked)) return this.#succeed(call, checked)
      checked.then(
        (settled) => this.#succeed(call, settled),
        (thrown: unknown) => this.#unfit(call, value, thrown),
      )
    } catch (thrown) {
      this.#unfit(call, value, thrown)
    }
  }

  /** It is not what the contract says. */
  #unfit(call: IncomingCall, value: unknown, thrown: unknown): void {
    this.#answers.dismiss(value)
    this.#fail(call, WaybillError.from(thrown))
  }

  #succeed(call: IncomingCall, value: unknown): void {
    if (call.state === 'abandoned') return this.#dismissed(call, value)
    try {
      const streams = this.#answers.result(call, value)
      if (streams.length > 0) return this.#stream(call, streams)
    } catch (thrown) {
      return this.#fail(call, WaybillError.from(thrown))
    }
    this.#leave(call, 'returned')
  }

  /** The method did its work, but what it gave cannot be delivered. */
  #fail(call: IncomingCall, error: WaybillError): void {
    this.#spans?.ended(call, error)
    if (call.state !== 'abandoned') this.#answers.except(call, error, executed('calleeDone'))
    this.#leave(call, 'returned')
  }

  // ---- streams

  #flowsOf(call: IncomingCall): Flows {
    if (call.flows !== undefined) return call.flows
    call.flows = calleeFlows(call, this.#streams)
    call.flows.open(this.#answers.way(call))
    return call.flows
  }

  /** Streams in the arguments of a call. */
  #receiving(call: IncomingCall): GiveStream {
    if (call.contract.isolate === undefined) return (number, kind) => this.#flowsOf(call).receive(number, kind)
    return () => {
      throw takesNoStream(call.service, call.method)
    }
  }

  /** The method has given streams: it has not ended before they have. */
  #stream(call: IncomingCall, streams: readonly Flow[]): void {
    this.#flowsOf(call).send(streams)
    // The cancel came while the method was about to give them.
    if (call.isCancelled) call.flows!.abort(cancelled())
  }

  /** All streams of the result have ended; `result` is how that one did which is the result itself. */
  #sent(call: IncomingCall, result: FlowEnd | undefined): void {
    if (call.state === 'abandoned') return this.#leave(call, 'returned')
    if (call.isCancelled) return this.#threw(call, undefined)
    if (result?.kind === 'threw') return this.#threw(call, result.error)
    if (result?.kind === 'refused') return this.#fail(call, result.error)
    try {
      this.#answers.returned(call, result?.kind === 'ended' ? result.value : undefined)
    } catch (thrown) {
      return this.#fail(call, WaybillError.from(thrown))
    }
    this.#leave(call, 'returned')
  }

  /** Nobody waits for it any more. */
  #dismissed(call: IncomingCall, value: unknown): void {
    this.#answers.dismiss(value)
    this.#leave(call, 'returned')
  }

  #threw(call: IncomingCall, thrown: unknown): void {
    this.#spans?.ended(call, thrown ?? 'thrown')
    if (call.state === 'abandoned') return this.#leave(call, 'threw')
    if (call.isCancelled)
      this.#answers.except(call, new WaybillError('Cancelled', 'the call was cancelled while it ran', { executed: 'maybe' }), 'maybe')
    else if (isOutside(thrown)) this.#answers.except(call, thrown.error, thrown.error.executed)
    else this.#answers.thrown(call, thrown)
    this.#leave(call, 'threw')
  }

  serialNumber({ caller, number }: IncomingCall): string {
    return serialNumber(caller.incarnation, number)
  }

  progress(call: IncomingCall, progress: Progress): void {
    if (call.state === 'running') this.#answers.progress(call, progress)
  }

  async once<T>(call: IncomingCall, key: string, run: () => T | PromiseLike<T>): Promise<T> {
    return call.lease === undefined ? await runInCall(call, run) : this.#recorded(call, call.lease, key, run)
  }

  // ---- ends

  /** Refused before it started. */
  refuse(call: IncomingCall, error: WaybillError): void {
    if (!call.step('refuse')) return
    this.#answers.reject(call, error, call)
    this.#forget(call)
  }

  /** Its caller no longer waits: what has not started never will, what runs is told. */
  cancel(call: IncomingCall): void {
    const before = calleeHolder(call.state)
    if (!call.step('cancel')) return
    if (before === 'calleeBeforeStart') {
      const error = new WaybillError('Cancelled', 'the call was cancelled before it started', { executed: executed(before) })
      this.#answers.except(call, error, error.executed)
      return this.#forget(call)
    }
    call.isCancelled = true
    call.abort(cancelled())
    call.flows?.abort(cancelled())
    // Streams that end at once take the call with them.
    if (call.state !== 'running') return
    if (call.kill === undefined && call.endsWithMethod) return
    call.cancelTimer ??= this.#ports.clock.timer(CANCEL_GRACE_MS, () => this.#graceOver(call))
  }

  #graceOver(call: IncomingCall): void {
    // Then the method ends, and its end is answered.
    if (call.contract.isolate !== undefined) return call.kill?.()
    if (!call.step('cancelGraceOver')) return
    this.#answers.except(
      call,
      new WaybillError('Cancelled', 'the call was cancelled; its method did not end within its grace', { executed: 'maybe' }),
      'maybe',
    )
  }

  /** The session is gone, and with it these calls. With it the client, where it is `final`. */
  lost(calls: readonly IncomingCall[], reason: string, final: boolean): void {
    this.#turns.clear()
    const why = `the connection was lost while the call ran: ${reason}`
    for (const call of calls) this.#drop(call, 'sessionLost', why, final ? 0 : CANCEL_GRACE_MS)
  }

  /** The router has it from somebody else, or gave it to somebody else, while its session was gone. */
  void(call: IncomingCall): void {
    this.#drop(call, 'leaseVoid', 'the call is no longer for this client, whose connection was lost for a while', CANCEL_GRACE_MS)
  }

  /** Those that have outlived their session may start again. */
  goOn(): void {
    this.#turns.advance(this.#start)
  }

  /** What waits never starts; what runs is told, and answers nobody. */
  #drop(call: IncomingCall, event: 'sessionLost' | 'leaseVoid', why: string, graceMs: number): void {
    const { state } = call
    call.step(event)
    // Its answer would go out in another session, where the caller's symbol and number may mean another call.
    call.cancelTimer?.cancel()
    if (state === 'queued') return this.#forget(call)
    const error = new WaybillError('RouterLost', why, { executed: 'maybe' })
    call.abort(error)
    call.flows?.abort(error)
    if (graceMs === 0) call.kill?.()
    else if (call.kill !== undefined) call.cancelTimer = this.#ports.clock.timer(graceMs, () => call.kill?.())
  }

  /** Gives back what is complete and has not started. */
  giveBack(error: () => WaybillError): void {
    for (const call of this.#turns.waiting()) this.refuse(call, error())
  }

  /** The method has ended, answered or not: its place is free. */
  #leave(call: IncomingCall, event: 'returned' | 'threw'): void {
    this.#spans?.ended(call)
    if (!call.step(event)) return
    call.exposure.count(call.contract, -1)
    call.exposure.leave(call.held!)
    this.#forget(call)
  }

  #forget(call: IncomingCall): void {
    call.cancelTimer?.cancel()
    call.flows?.close({ error: new WaybillError('Closed', 'the call that the stream belongs to has ended', { executed: 'maybe' }) })
    const othersWait = this.#turns.leave(call)
    this.#ended(call)
    if (othersWait) this.#turns.advance(this.#start)
  }
}

/** Whatever has a `then` is awaited, as `await` would. */
function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}

function cancelled(): WaybillError {
  return new WaybillError('Cancelled', 'the caller cancelled the call', { executed: 'maybe' })
}

/** By its shape: the class belongs to what is only loaded where a method is isolated. */
function isOutside(thrown: unknown): thrown is Outside {
  return thrown instanceof Error && (thrown as Partial<Outside>).isOutside === true
}
