/** What keeps calls beyond the process that made them: the port, and what is kept of a call. */

/** A call that is to be stored, as long as the router has not said that it is. Plain data: a structured clone of it is as good as itself. */
export interface KeptCall {
  /** What the router knows it by, however often it is sent. In the order of their numbers calls of one client are sent again. */
  readonly sn: string
  /** Whose it is: it is sent again by a client of this name that is the same principal. */
  readonly client: string
  readonly principal: string
  readonly address: string
  readonly method: string
  readonly flags: number
  readonly encoding: number
  readonly body: Uint8Array
  /** What travels beside the arguments. */
  readonly fields: Uint8Array
  /** Until when the router may try, by the wall clock. */
  readonly untilMs: number
  /** Where it may have been written to, and since when; absent as long as no router can have it. */
  readonly sent?: { readonly home: string | number; readonly atMs: number }
}

/**
 * Keeps calls over the end of a process: `put` and `remove` resolve when that would be so. A call is put before it is first written, again when it is about to be
 * (the later one counts), and removed when the router has it or it has failed. What is asked first is done first. `load` gives those that are left, in any order.
 */
export interface CallOutbox {
  load(): Promise<readonly KeptCall[]>
  put(call: KeptCall): Promise<void>
  remove(sn: string): Promise<void>
}
