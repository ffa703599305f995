/** One call that this client was asked to run. Only its fields and what the method sees of it; `Incoming` decides. */
import { calleeTable } from '@waybill/core'
import type { CalleeEvent, CalleeState, CurrentCall, MethodContract, Progress, Timer } from '@waybill/core'
import type { Exposure } from './exposure.js'
import type { KnownCaller } from './names.js'
import type { Joiner } from './pieces.js'

export interface CallSink {
  /** The sn as the caller has it, as long as that caller has made fewer than 2³² calls. */
  serialNumber(call: IncomingCall): string
  progress(call: IncomingCall, progress: Progress): void
}

export class IncomingCall implements CurrentCall {
  state: CalleeState = 'queued'
  /** Pieces of the arguments that have arrived, until the last one. */
  joiner: Joiner | undefined
  args: readonly unknown[] = []
  cancelTimer: Timer | undefined
  /** Its caller does not want it any more, and has said so while it ran. */
  isCancelled = false
  readonly #sink: CallSink
  #abort: AbortController | undefined
  #aborted: unknown

  /** The caller's symbol and its number for the call: where answers go. */
  readonly source: number
  readonly number: number
  readonly exposure: Exposure
  readonly contract: MethodContract
  readonly statusesWanted: boolean
  /** Nobody reads what is said of it; where the router wants a status, it is told of the end. */
  readonly isSilent: boolean
  /** Calls of its service with the same one run one after the other. */
  readonly orderKey: string | undefined
  readonly encoding: number
  readonly caller: KnownCaller
  readonly data: unknown
  /** The same as it arrived, to be returned with every status and the outcome. */
  readonly dataField: Uint8Array | undefined
  readonly deadlineMs: number | undefined

  constructor(parts: {
    source: number
    number: number
    exposure: Exposure
    contract: MethodContract
    statusesWanted: boolean
    isSilent: boolean
    orderKey: string | undefined
    encoding: number
    caller: KnownCaller
    data: unknown
    dataField: Uint8Array | undefined
    deadlineMs: number | undefined
    sink: CallSink
  }) {
    this.source = parts.source
    this.number = parts.number
    this.exposure = parts.exposure
    this.contract = parts.contract
    this.statusesWanted = parts.statusesWanted
    this.isSilent = parts.isSilent
    this.orderKey = parts.orderKey
    this.encoding = parts.encoding
    this.caller = parts.caller
    this.data = parts.data
    this.dataField = parts.dataField
    this.deadlineMs = parts.deadlineMs
    this.#sink = parts.sink
  }

  get sn(): string {
    return this.#sink.serialNumber(this)
  }

  get service(): string {
    return this.exposure.contract.name
  }

  get method(): string {
    return this.contract.name
  }

  /** Made when first asked for, as most methods never do. */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController()
      if (this.#aborted !== undefined) this.#abort.abort(this.#aborted)
    }
    return this.#abort.signal
  }

  progress(progress: Progress): void {
    this.#sink.progress(this, progress)
  }

  abort(reason: unknown): void {
    this.#aborted = reason
    this.#abort?.abort(reason)
  }

  /** False where the event cannot be; then nothing changes. */
  step(event: CalleeEvent): boolean {
    const next = calleeTable[this.state][event]
    if (next === 'wrong') return false
    if (next !== 'stay') this.state = next
    return true
  }
}
