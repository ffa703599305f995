/** Owns a line of stderr that tells how something goes on: written over on a terminal; elsewhere a line for each change. */
import { widthOf, type Output } from '../terminal.js'
import { cut } from './table.js'

const CLEAR = '\r\u001B[2K'

export class StatusLine {
  readonly #output: Output
  #shown = ''

  constructor(output: Output) {
    this.#output = output
  }

  show(text: string): void {
    if (text === this.#shown) return
    this.#shown = text
    this.#output.write(this.#output.isTTY ? CLEAR + cut(text, widthOf(this.#output) - 1) : `${text}\n`)
  }

  /** Leaves the line empty for what comes next. */
  clear(): void {
    if (this.#shown !== '' && this.#output.isTTY) this.#output.write(CLEAR)
    this.#shown = ''
  }
}
