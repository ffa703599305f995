/** How much each publisher waits to have made safe. One that is ahead by a window gets no more credit until the disk has caught up, so that nothing grows without bound. */
import type { Session } from '../model.js'

export class UnsafeBytes {
  readonly #mostBytes: number
  readonly #waiting = new Map<Session, { bytes: number; isHeld: boolean }>()

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes
  }

  add(session: Session, bytes: number): void {
    const waiting = this.#waiting.get(session) ?? { bytes: 0, isHeld: false }
    this.#waiting.set(session, waiting)
    waiting.bytes += bytes
    if (waiting.isHeld || waiting.bytes <= this.#mostBytes) return
    waiting.isHeld = true
    session.channel.hold()
  }

  remove(session: Session, bytes: number): void {
    const waiting = this.#waiting.get(session)!
    waiting.bytes -= bytes
    if (waiting.bytes === 0) this.#waiting.delete(session)
    if (!waiting.isHeld || waiting.bytes > this.#mostBytes / 2) return
    waiting.isHeld = false
    session.channel.letGo()
  }
}
