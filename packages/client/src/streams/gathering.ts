/** The streams that stand in a value while it is written. One at a time: writing a value is synchronous. */
import { streamConstants, WaybillError, type StreamKind } from '@waybill/core'
import { RESULT, type Flow } from './flows.js'

const NONE: readonly Flow[] = []

export class Gathering {
  #found: Flow[] | undefined
  #whole: unknown

  /** Given to whoever writes the body of `whole`. A stream that is the whole is the result itself. Throws `NotRepresentable` or `TooLarge`. */
  readonly take = (source: object, kind: StreamKind): number => {
    if ('locked' in source && source.locked === true) {
      throw new WaybillError('NotRepresentable', 'a stream that is locked, as somebody else reads it, cannot be sent')
    }
    const found = (this.#found ??= [])
    if (found.length >= streamConstants.maxStreams) {
      throw new WaybillError('TooLarge', 'too many streams in one call', {
        details: { limit: streamConstants.maxStreams, size: found.length + 1 },
      })
    }
    const number = source === this.#whole ? RESULT : found.length + 1
    found.push({ number, kind, source })
    return number
  }

  /** Whatever was found before is forgotten. */
  begin(whole: unknown): void {
    this.#whole = whole
    this.#found = undefined
  }

  end(): readonly Flow[] {
    const found = this.#found ?? NONE
    this.#whole = undefined
    this.#found = undefined
    return found
  }
}
