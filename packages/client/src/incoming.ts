/**
 * The calls that this client runs for others: each moves through `calleeTable`, from its arrival to its terminal word. Owns them, the offers
 * that they come through, and the places that the declared concurrency leaves.
 */
import {
  calleeHolder,
  callAtHand,
  checkArguments,
  checkResult,
  encodings,
  executed,
  extensionField,
  findField,
  findText,
  Flag,
  FrameType,
  parseBody,
  parseBodyIn,
  quoted,
  Ring,
  runInCall,
  serialNumber,
  Tag,
  WaybillError,
} from '@waybill/core'
import type { BodyLimits, FrameReader, MethodContract, Ports, Progress } from '@waybill/core'
import type { Answers } from './answers.js'
import type { Connection } from './connection.js'
import type { Exposure } from './exposure.js'
import { IncomingCall, type CallSink } from './incoming-call.js'
import type { Names } from './names.js'
import { Joiner } from './pieces.js'
import { Turns } from './turns.js'

/** How long a cancelled method may take to end by itself before its caller is answered. */
const CANCEL_GRACE_MS = 250
/** Of all the bodies together that have not arrived whole, so that callers who never finish cost a bounded amount. */
const MAX_JOINING_BYTES = 64 * 1024 * 1024

export class Incoming implements CallSink {
  readonly #calls = new Map<number, Ring<IncomingCall>>()
  readonly #exposures = new Map<number, Exposure>()
  /** Arrived and complete, waiting for a place; oldest first. */
  readonly #waiting = new Set<IncomingCall>()
  readonly #turns = new Turns()
  readonly #connection: Connection
  readonly #names: Names
  readonly #ports: Ports
  readonly #limits: BodyLimits
  readonly #answers: Answers
  /** Bytes of bodies that have not arrived whole. */
  #joiningBytes = 0
  #advancing = false
  #roomAppeared = false
  #size = 0
  #closing = false
  #settled: (() => void) | undefined

  constructor(parts: { connection: Connection; names: Names; ports: Ports; limits: BodyLimits; answers: Answers }) {
    this.#connection = parts.connection
    this.#names = parts.names
    this.#ports = parts.ports
    this.#limits = parts.limits
    this.#answers = parts.answers
  }

  /** Calls that have arrived and have not ended; methods that run on after their caller was answered count too. */
  get size(): number {
    return this.#size
  }

  /** The call during which this code runs, where it is one of this client's and its caller waits for it. */
  running(): { readonly source: number; readonly number: number } | undefined {
    if (this.#size === 0) return undefined
    const call = callAtHand()
    return call instanceof IncomingCall && call.state === 'running' && this.#calls.get(call.source)?.get(call.number) === call
      ? call
      : undefined
  }

  /** The exposure's symbol has changed from `before`, 0 for none. */
  serve(exposure: Exposure, before: number): void {
    this.#exposures.delete(before)
    if (exposure.symbol !== 0) this.#exposures.set(exposure.symbol, exposure)
  }

  // ---- frames

  /** What another client wrote is its own fault: it is refused, and this session goes on. */
  call(frame: FrameReader): void {
    try {
      this.#call(frame)
    } catch (thrown) {
      this.#answers.reject(frame.source, frame.call, WaybillError.from(thrown, 'no'), undefined, frame.flags)
    }
  }

  #call(frame: FrameReader): void {
    const { source, call: number } = frame
    if (this.#calls.get(source)?.get(number) !== undefined) throw new WaybillError('ProtocolViolation', `call ${number} has not ended yet`)
    const exposure = this.#exposures.get(frame.destination)
    const contract = exposure && methodOf(exposure, frame)
    if (exposure === undefined || contract === undefined || this.#closing || exposure.streams(contract)) {
      return this.#answers.reject(source, number, this.#refusal(exposure, contract, frame), dataField(frame), frame.flags)
    }
    const call = new IncomingCall({
      source,
      number,
      exposure,
      contract,
      statusesWanted: (frame.flags & Flag.statusesWanted) !== 0,
      isSilent: (frame.flags & Flag.noReply) !== 0,
      orderKey: findText(frame, Tag.orderKey),
      encoding: frame.encoding,
      caller: this.#names.caller(source),
      data: dataOf(frame, this.#limits),
      dataField: dataField(frame),
      deadlineMs: frame.ttlMs === 0 ? undefined : this.#connection.heardMs + frame.ttlMs,
      sink: this,
    })
    this.#add(call)
    if ((frame.flags & Flag.more) === 0) return this.#arrived(call, frame.bytes, frame.bodyStart, frame.end)
    call.joiner = new Joiner(this.#limits.maxBodyBytes)
    this.#join(call, frame)
  }

  #refusal(exposure: Exposure | undefined, contract: MethodContract | undefined, frame: FrameReader): WaybillError {
    if (this.#closing) return closing()
    if (exposure === undefined) return new WaybillError('NoSuchService', 'the service has been taken back')
    if (contract === undefined) return noSuchMethod(exposure, findText(frame, Tag.method))
    return new WaybillError('Unsupported', `${exposure.contract.name}.${contract.name} gives a stream; streams are not there yet`)
  }

  callChunk(frame: FrameReader): void {
    const call = this.#calls.get(frame.source)?.get(frame.call)
    if (call?.joiner !== undefined) this.#join(call, frame)
  }

  /** The caller no longer waits: what has not started never will, what runs is told. */
  cancel(frame: FrameReader): void {
    const call = this.#calls.get(frame.source)?.get(frame.call)
    if (call === undefined) return
    const before = calleeHolder(call.state)
    if (!call.step('cancel')) return
    if (before === 'calleeBeforeStart')
      return this.#end(call, new WaybillError('Cancelled', 'the call was cancelled before it started', { executed: executed(before) }))
    call.isCancelled = true
    call.abort(new WaybillError('Cancelled', 'the caller cancelled the call', { executed: 'maybe' }))
    // Others wait for the end of its method, of which its last word tells.
    if (call.orderKey !== undefined) return
    call.cancelTimer ??= this.#ports.clock.timer(CANCEL_GRACE_MS, () => {
      if (!call.step('cancelGraceOver')) return
      this.#answers.except(
        call,
        new WaybillError('Cancelled', 'the call was cancelled; its method did not end within its grace', { executed: 'maybe' }),
        'maybe',
      )
    })
  }

  // ---- the life of one call

  #join(call: IncomingCall, frame: FrameReader): void {
    const joiner = call.joiner!
    const piece = frame.body()
    try {
      if (this.#joiningBytes + piece.byteLength > MAX_JOINING_BYTES) throw crowded()
      joiner.add(piece)
    } catch (thrown) {
      return this.#refuse(call, WaybillError.from(thrown))
    }
    this.#joiningBytes += piece.byteLength
    if ((frame.flags & Flag.more) !== 0) return
    this.#leaveJoining(call)
    const whole = joiner.join()
    this.#arrived(call, whole, 0, whole.byteLength)
  }

  #leaveJoining(call: IncomingCall): void {
    this.#joiningBytes -= call.joiner?.bytes ?? 0
    call.joiner = undefined
  }

  #arrived(call: IncomingCall, bytes: Uint8Array, start: number, end: number): void {
    try {
      const args = parseBodyIn(call.encoding, bytes, start, end, this.#limits, 'given') ?? []
      if (!Array.isArray(args)) throw new WaybillError('BadArguments', 'the arguments are not a list')
      const checked = checkArguments(call.contract, args)
      if (!isPromise(checked)) {
        call.args = checked
        return this.#accept(call)
      }
      checked.then(
        (checkedArgs) => {
          call.args = checkedArgs
          this.#accept(call)
        },
        (thrown: unknown) => this.#refuse(call, WaybillError.from(thrown)),
      )
    } catch (thrown) {
      this.#refuse(call, WaybillError.from(thrown))
    }
  }

  #accept(call: IncomingCall): void {
    if (call.state !== 'queued') return
    if (call.statusesWanted) this.#answers.status(FrameType.accepted, call)
    if (this.#mayStart(call)) this.#start(call)
    else this.#waiting.add(call)
  }

  #mayStart(call: IncomingCall): boolean {
    return call.exposure.hasRoom(call.contract) && this.#turns.isFree(call)
  }

  #start(call: IncomingCall): void {
    if (call.deadlineMs !== undefined && this.#ports.clock.nowMs() >= call.deadlineMs) {
      return this.#refuse(call, new WaybillError('DeadlineExceeded', 'the deadline passed before the call could start', { executed: 'no' }))
    }
    let instance: object
    try {
      instance = call.exposure.instance()
    } catch (thrown) {
      const incident = this.#answers.incident(call, thrown)
      return this.#refuse(
        call,
        new WaybillError('Rejected', `${call.service} could not be constructed; incident ${incident}`, { details: { incident } }),
      )
    }
    call.step('start')
    call.exposure.count(call.contract, 1)
    this.#turns.take(call)
    if (call.statusesWanted) this.#answers.status(FrameType.started, call)
    try {
      const value = runInCall(call, () => call.contract.invoke.apply(instance, call.args as unknown[]))
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

  #returned(call: IncomingCall, value: unknown): void {
    if (call.state === 'abandoned') return this.#leave(call, 'returned')
    try {
      const checked = checkResult(call.contract, value)
      if (!isPromise(checked)) return this.#succeed(call, checked)
      checked.then(
        (settled) => this.#succeed(call, settled),
        (thrown: unknown) => this.#fail(call, WaybillError.from(thrown)),
      )
    } catch (thrown) {
      this.#fail(call, WaybillError.from(thrown))
    }
  }

  #succeed(call: IncomingCall, value: unknown): void {
    if (call.state === 'abandoned') return this.#leave(call, 'returned')
    try {
      this.#answers.result(call, value)
    } catch (thrown) {
      return this.#fail(call, WaybillError.from(thrown))
    }
    this.#leave(call, 'returned')
  }

  /** The method did its work, but what it gave cannot be delivered. */
  #fail(call: IncomingCall, error: WaybillError): void {
    if (call.state !== 'abandoned') this.#answers.except(call, error, executed('calleeDone'))
    this.#leave(call, 'returned')
  }

  #threw(call: IncomingCall, thrown: unknown): void {
    if (call.state === 'abandoned') return this.#leave(call, 'threw')
    if (!call.isCancelled) this.#answers.thrown(call, thrown)
    else this.#answers.except(call, new WaybillError('Cancelled', 'the call was cancelled while it ran', { executed: 'maybe' }), 'maybe')
    this.#leave(call, 'threw')
  }

  serialNumber({ caller, number }: IncomingCall): string {
    return serialNumber(caller.incarnation, number)
  }

  progress(call: IncomingCall, progress: Progress): void {
    if (call.state === 'running') this.#answers.progress(call, progress)
  }

  // ---- ends

  /** Refused before it started. */
  #refuse(call: IncomingCall, error: WaybillError): void {
    if (!call.step('refuse')) return
    this.#answers.refuse(call, error)
    this.#forget(call)
  }

  /** Ended before it started, by a word that is not a refusal. */
  #end(call: IncomingCall, error: WaybillError): void {
    this.#answers.except(call, error, error.executed)
    this.#forget(call)
  }

  /** The method has ended, answered or not: its place is free. */
  #leave(call: IncomingCall, event: 'returned' | 'threw'): void {
    if (!call.step(event)) return
    call.exposure.count(call.contract, -1)
    this.#turns.give(call)
    this.#forget(call)
    if (this.#waiting.size > 0) this.#advance()
  }

  /** Starts what has room now. One that ends at once makes room itself, which is seen here and not by recursion. */
  #advance(): void {
    this.#roomAppeared = true
    if (this.#advancing) return
    this.#advancing = true
    while (this.#roomAppeared) {
      this.#roomAppeared = false
      for (const next of this.#waiting) {
        if (!this.#mayStart(next)) continue
        this.#waiting.delete(next)
        this.#start(next)
      }
    }
    this.#advancing = false
  }

  #add(call: IncomingCall): void {
    let calls = this.#calls.get(call.source)
    if (calls === undefined) this.#calls.set(call.source, (calls = new Ring()))
    calls.add(call.number, call)
    this.#size++
  }

  #forget(call: IncomingCall): void {
    call.cancelTimer?.cancel()
    this.#leaveJoining(call)
    this.#waiting.delete(call)
    if (this.#calls.get(call.source)?.get(call.number) === call) this.#calls.get(call.source)!.delete(call.number)
    this.#size--
    if (this.#size === 0) this.#settled?.()
  }

  /** A caller is gone from the router. */
  callerGone(source: number): void {
    // What still runs for it has been cancelled, and has nobody to answer.
    this.#calls.delete(source)
  }

  /** The session is gone, and with it every caller: what waits never starts, what runs is told and answers nobody. */
  lost(reason: string): void {
    for (const calls of this.#calls.values()) {
      for (const call of calls.values()) {
        const { state } = call
        call.step('sessionLost')
        // Its answer would go out in the next session, where the caller's symbol and number may mean another call.
        call.cancelTimer?.cancel()
        if (state === 'queued') this.#forget(call)
        else call.abort(new WaybillError('RouterLost', `the connection was lost while the call ran: ${reason}`, { executed: 'maybe' }))
      }
    }
    this.#calls.clear()
    this.#exposures.clear()
  }

  /** Gives back what has not started, and takes nothing more. Resolves when nothing runs any longer. */
  drain(): Promise<void> {
    this.#closing = true
    for (const call of [...this.#waiting]) this.#refuse(call, closing())
    if (this.#size === 0) return Promise.resolve()
    return new Promise((resolve) => (this.#settled = resolve))
  }
}

function methodOf(exposure: Exposure, frame: FrameReader): MethodContract | undefined {
  const name = findText(frame, Tag.method)
  return name === undefined ? exposure.bySymbol.get(frame.method) : exposure.contract.methods.get(name)
}

function noSuchMethod(exposure: Exposure, name: string | undefined): WaybillError {
  const { name: service, methods } = exposure.contract
  const offered = [...methods.keys()].slice(0, 20)
  return new WaybillError(
    'NoSuchMethod',
    `${service} does not expose ${name === undefined ? 'this method' : quoted(name)}; it has ${offered.join(', ')}`,
    { details: { offered } },
  )
}

function crowded(): WaybillError {
  return new WaybillError('Overloaded', 'the client that offers the service has too many unfinished bodies', {
    details: { retryAfterMs: 500 },
  })
}

function closing(): WaybillError {
  return new WaybillError('Overloaded', 'the client that offers the service is closing', { details: { retryAfterMs: 0 } })
}

/** Throws `ProtocolViolation` or `TooLarge`, as for any body. */
function dataField(frame: FrameReader): Uint8Array | undefined {
  const data = frame.extensionBytes === 0 ? undefined : findField(frame, Tag.data)
  return data && extensionField(Tag.data, data)
}

function dataOf(frame: FrameReader, limits: BodyLimits): unknown {
  if (frame.extensionBytes === 0) return undefined
  const field = findField(frame, Tag.data)
  return field === undefined ? undefined : parseBody(encodings.json, field, limits)
}

/** Whatever has a `then` is awaited, as `await` would. */
function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}
