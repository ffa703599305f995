/** One call that this client was asked to run. Only its fields and what the method sees of it; `Incoming` and `Running` decide. */
import { calleeTable, Flag } from '@waybill/core'
import type { CalleeEvent, CalleeState, CurrentCall, MethodContract, Progress, Timer } from '@waybill/core'
import type { CallFields, Construct } from './arrival.js'
import type { Exposure } from './exposure.js'
import type { KnownCaller } from './names.js'
import type { Held } from './objects.js'
import type { Joiner } from './pieces.js'
import type { Flows } from './streams/flows.js'

export interface CallSink {
  /** The sn as the caller has it, as long as that caller has made fewer than 2³² calls. */
  serialNumber(call: IncomingCall): string
  progress(call: IncomingCall, progress: Progress): void
  once<T>(call: IncomingCall, key: string, run: () => T | PromiseLike<T>): Promise<T>
}

export class IncomingCall implements CurrentCall {
  state: CalleeState = 'queued'
  /** Pieces of the arguments that have arrived, until the last one. */
  joiner: Joiner | undefined
  args: readonly unknown[] = []
  /** Its streams, in both directions. */
  flows: Flows | undefined
  /** The object that answers, while the method runs. */
  held: Held | undefined
  /** A cancel came while the method ran. */
  isCancelled = false
  cancelTimer: Timer | undefined
  /** It has outlived its session, and nobody has said yet where its answers go. */
  isAway = false
  /** Ends a method that runs in a process of its own; it then throws. */
  kill: (() => void) | undefined
  readonly #sink: CallSink
  #abort: AbortController | undefined
  #aborted: unknown

  /** The caller's symbol and its number for the call: where answers go, in this session. */
  source: number
  number: number
  /** What the router knows it by in any session, where it may outlive this one. */
  readonly lease: string | undefined
  readonly flags: number
  readonly exposure: Exposure
  readonly contract: MethodContract
  readonly encoding: number
  readonly attempt: number
  readonly caller: KnownCaller
  /** What it says beside its header. */
  readonly fields: CallFields | undefined
  readonly deadlineMs: number | undefined

  constructor(parts: {
    source: number
    number: number
    lease: string | undefined
    flags: number
    exposure: Exposure
    contract: MethodContract
    encoding: number
    attempt: number
    caller: KnownCaller
    fields: CallFields | undefined
    deadlineMs: number | undefined
    sink: CallSink
  }) {
    this.source = parts.source
    this.number = parts.number
    this.lease = parts.lease
    this.flags = parts.flags
    this.exposure = parts.exposure
    this.contract = parts.contract
    this.encoding = parts.encoding
    this.attempt = parts.attempt
    this.caller = parts.caller
    this.fields = parts.fields
    this.deadlineMs = parts.deadlineMs
    this.#sink = parts.sink
  }

  // ---- what the method sees

  get sn(): string {
    return this.fields?.sn ?? this.#sink.serialNumber(this)
  }

  get service(): string {
    return this.exposure.contract.name
  }

  get method(): string {
    return this.contract.name
  }

  get data(): unknown {
    return this.fields?.data
  }

  get parent(): string | undefined {
    return this.fields?.parent
  }

  /** Made when first asked for, as most methods never do. */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController()
      if (this.#aborted !== undefined) this.#abort.abort(this.#aborted)
    }
    return this.#abort.signal
  }

  /** A function of its own: `const { progress } = currentCall()` is what people write. */
  get progress(): (progress: Progress) => void {
    return (progress) => this.#sink.progress(this, progress)
  }

  get once(): CurrentCall['once'] {
    return (key, run) => this.#sink.once(this, key, run)
  }

  // ---- what the others see

  get dataField(): Uint8Array | undefined {
    return this.fields?.dataField
  }

  get construct(): Construct | undefined {
    return this.fields?.construct
  }

  get sticky(): string | undefined {
    return this.fields?.sticky
  }

  /** The line that it stands in. */
  get line(): string | undefined {
    const key = this.fields?.orderKey
    return key === undefined ? undefined : `${this.service} ${key}`
  }

  /** Whether its terminal word has to wait until the method has really ended: somebody else waits for that. */
  get endsWithMethod(): boolean {
    return this.fields?.orderKey !== undefined || (this.flags & Flag.noReply) !== 0
  }

  /** Another session has begun, in which its answers go there. */
  move(source: number, number: number): void {
    this.source = source
    this.number = number
    this.isAway = false
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
