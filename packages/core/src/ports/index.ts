/**
 * What the outside must supply. Everything in Waybill that waits, measures time, draws a random number or moves bytes does it through
 * these ports, so that the same code runs in Node, in a browser and on the simulator's virtual clock.
 */

/** A pending timer. Cancelling twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void
}

export interface Clock {
  /** Monotonic milliseconds with a fraction; the origin means nothing. Never used across processes. */
  nowMs(): number
  /** Wall-clock milliseconds since 1970. Only for what people read (timestamps, mint times), never for deadlines. */
  wallMs(): number
  /** Calls `fire` once, not before `delayMs` has passed. */
  timer(delayMs: number, fire: () => void): Timer
}

export interface Random {
  /** Overwrites `bytes` with cryptographically strong random bytes and returns it. */
  fill(bytes: Uint8Array): Uint8Array
}

/** When to flush what was gathered. Both run their callbacks in the order in which they were given. */
export interface Soon {
  /** After the code that runs now and the promise jobs that it caused, before any input is read. */
  onTick(run: () => void): void
  /** After all the input that is ready now has been read. */
  afterInput(run: () => void): void
}

export interface Ports {
  readonly clock: Clock
  readonly random: Random
  readonly soon: Soon
}

/** Why a link ended. `code` is the WebSocket close code where there is one. */
export interface LinkEnd {
  readonly code?: number
  readonly reason: string
}

/** The receiving side of a link. */
export interface LinkEvents {
  /** One whole packet, in order. The bytes belong to the receiver, which may change them. */
  packet(bytes: Uint8Array): void
  /** Once, whatever the cause, also after `end` and `terminate`. Nothing follows it. */
  ended(end: LinkEnd): void
}

/** One open connection that carries whole packets, in order, until it ends. It may lose the last ones when it breaks. */
export interface Link {
  /** Takes the packet over; its bytes must not change afterwards. After the end it does nothing. */
  send(packet: Uint8Array): void
  /** Where the other end is, for people and logs, where that is known: `127.0.0.1:50123`. */
  readonly remote?: string
  /** Bytes given to `send` that have not left this process. */
  readonly bufferedBytes: number
  /** Stops or continues reading, so that a peer that sends too much is held back by its own transport. */
  pause(): void
  resume(): void
  /** Closes in order: what was sent before still arrives. `reason` is for people, at most 100 ASCII characters. */
  end(code: number, reason: string): void
  /** Drops the connection at once. */
  terminate(): void
}

export interface Transport {
  /** Opens a link; rejects with `RouterUnreachable` when that fails or `signal` aborts. Events may begin as soon as it resolves. */
  open(url: string, events: LinkEvents, signal: AbortSignal): Promise<Link>
}
