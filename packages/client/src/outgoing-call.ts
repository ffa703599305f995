/** One call that this client makes, between the user's `LiveCall` and the wire. Only its fields; `Outgoing` decides. */
import { callerTable, Timed } from '@waybill/core'
import type { CallerEvent, CallerState, Code, ErrorClass } from '@waybill/core'
import { LiveCall, type Carrier } from './call.js'
import type { Sendable } from './connection.js'
import type { Named } from './names.js'
import type { OutgoingBody } from './outgoing-body.js'
import type { Joiner } from './pieces.js'

/** What is asked of a call beside its arguments; durations are resolved, names are looked up. */
export interface Request {
  readonly address: Named
  readonly method: Named
  readonly timeoutMs: number
  readonly deadlineMs: number
  readonly signal?: AbortSignal | undefined
  readonly data?: unknown
  /** The serial number of the group that it belongs to, as bytes. */
  readonly parent?: Uint8Array
  /** The arguments, where they were taken before. */
  readonly body?: OutgoingBody
  /** Classes of errors that its definition declares. */
  readonly errors: readonly ErrorClass[]
}

/** What a call asks of who owns it. */
export interface CallOwner {
  serialNumber(counter: number): string
  write(call: OutgoingCall, nowMs: number): boolean
  giveUp(call: OutgoingCall, code: Code, reason: unknown): void
  due(call: OutgoingCall): void
}

/** An outcome whose body arrives in pieces. */
export interface Arriving {
  readonly event: CallerEvent
  readonly flags: number
  readonly encoding: number
  readonly joiner: Joiner
}

export class OutgoingCall extends Timed implements Carrier, Sendable {
  state: CallerState = 'waiting'
  readonly live: LiveCall<unknown>
  /** When anything was last heard of it, and until when it may run, on the local clock. */
  heardMs: number
  readonly deadlineAtMs: number
  /** Why this side gave up; set while it waits for the verdict. */
  gaveUp: Code | undefined
  giveUpAtMs = 0
  /** The next piece of the body to be written; 0 for its beginning. */
  offset = 0
  arriving: Arriving | undefined
  unfollow: (() => void) | undefined
  /** It waits before it is sent again. */
  resting = false
  /** It stands in the connection's queue, where it must not stand twice. */
  queued = false
  readonly #owner: CallOwner

  readonly counter: number
  readonly request: Request
  readonly body: OutgoingBody
  /** The extension fields that go with it beside names: the caller's own data, its group. */
  readonly data: Uint8Array | undefined

  constructor(parts: {
    counter: number
    request: Request
    body: OutgoingBody
    data: Uint8Array | undefined
    nowMs: number
    owner: CallOwner
  }) {
    super()
    this.counter = parts.counter
    this.request = parts.request
    this.body = parts.body
    this.data = parts.data
    this.#owner = parts.owner
    this.live = new LiveCall(this)
    this.heardMs = parts.nowMs
    this.deadlineAtMs = parts.nowMs + parts.request.deadlineMs
  }

  get sn(): string {
    return this.#owner.serialNumber(this.counter)
  }

  /** False where the event cannot be; then nothing changes. */
  step(event: CallerEvent): boolean {
    const next = callerTable[this.state][event]
    if (next === 'wrong') return false
    if (next !== 'stay') this.state = next
    return true
  }

  writeNext(nowMs: number): boolean {
    return (this.queued = this.#owner.write(this, nowMs))
  }

  cancel(reason: unknown): Promise<void> {
    this.#owner.giveUp(this, 'Cancelled', reason)
    return Promise.resolve()
  }

  override due(): void {
    this.#owner.due(this)
  }

  /** Follows the signal that the user gave, until the call ends. */
  follow(signal: AbortSignal): void {
    const abort = (): void => this.#owner.giveUp(this, 'Cancelled', signal.reason)
    signal.addEventListener('abort', abort)
    this.unfollow = () => signal.removeEventListener('abort', abort)
  }
}
