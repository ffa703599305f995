/**
 * Whose turn it is to start: places that a declared concurrency leaves, and the lines of those that must not overlap. Owns who waits. Starts
 * nothing itself.
 */
import type { IncomingCall } from './incoming-call.js'

export class Turns {
  /** Complete and waiting, oldest first. */
  readonly #waiting = new Set<IncomingCall>()
  /** By order key, from the arrival of a call until its method has ended; the first one has the turn. */
  readonly #lines = new Map<string, Set<IncomingCall>>()
  #advancing = false
  #roomAppeared = false

  /** In order of arrival, whichever call is complete first. */
  arrived(call: IncomingCall): void {
    const { line } = call
    if (line === undefined) return
    const calls = this.#lines.get(line)
    if (calls === undefined) this.#lines.set(line, new Set([call]))
    else calls.add(call)
  }

  /** What has outlived its session does not start before it is known to be this client's still. */
  mayStart(call: IncomingCall): boolean {
    if (call.isAway) return false
    if (!call.exposure.hasRoom(call.contract)) return false
    if (call.line === undefined) return true
    for (const first of this.#lines.get(call.line)!) return first === call
    return false
  }

  wait(call: IncomingCall): void {
    this.#waiting.add(call)
  }

  waiting(): readonly IncomingCall[] {
    return [...this.#waiting]
  }

  /** The call has ended, or never will start. True where somebody may start now. */
  leave(call: IncomingCall): boolean {
    this.#waiting.delete(call)
    const { line } = call
    const calls = line === undefined ? undefined : this.#lines.get(line)
    if (calls?.delete(call) === true && calls.size === 0) this.#lines.delete(line!)
    return this.#waiting.size > 0
  }

  /** Starts what may now. One that ends at once makes room itself, which is seen here and not by recursion. */
  advance(start: (call: IncomingCall) => void): void {
    this.#roomAppeared = true
    if (this.#advancing) return
    this.#advancing = true
    while (this.#roomAppeared) {
      this.#roomAppeared = false
      for (const next of this.#waiting) {
        if (!this.mayStart(next)) continue
        this.#waiting.delete(next)
        start(next)
      }
    }
    this.#advancing = false
  }

  /** The session is gone: nobody who waits now ever starts, but who has outlived it. */
  clear(): void {
    for (const call of this.#waiting) if (!call.isAway) this.#waiting.delete(call)
  }
}
