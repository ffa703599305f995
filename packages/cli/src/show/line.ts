/** Owns a line of stderr that tells how something goes on: written over on a terminal; elsewhere a line for each change. */
import { cut } from './table.js'

const CLEAR = '\r\u001B[2K'

export class StatusLine {
  readonly #stream: NodeJS.WriteStream
  #shown = ''

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream
  }

  show(text: string): void {
    if (text === this.#shown) return
    this.#shown = text
    this.#stream.write(this.#stream.isTTY ? CLEAR + cut(text, this.#stream.columns - 1) : `${text}\n`)
  }

  /** Leaves the line empty for what comes next. */
  clear(): void {
    if (this.#shown !== '' && this.#stream.isTTY) this.#stream.write(CLEAR)
    this.#shown = ''
  }
}
