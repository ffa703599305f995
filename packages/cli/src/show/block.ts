/** Owns lines that are told again and again: written over on a terminal; elsewhere one block after the other. */
import type { Output } from '../terminal.js'

const UP_AND_CLEAR = '\u001B[1A\u001B[2K'

export class Block {
  readonly #output: Output
  #lines = 0

  constructor(output: Output) {
    this.#output = output
  }

  /** No line may be longer than the terminal is wide. */
  show(lines: readonly string[]): void {
    const over = this.#output.isTTY ? UP_AND_CLEAR.repeat(this.#lines) : this.#lines > 0 ? '\n' : ''
    this.#output.write(`${over}${lines.join('\n')}\n`)
    this.#lines = lines.length
  }
}
