/** Owns the bar that shows how far a call is: one line of stderr that is written over, and only where that is a terminal. */
import type { Progress } from '@waybill/client'
import { widthOf, type Output } from '../terminal.js'
import { printable } from './paint.js'
import { cut } from './table.js'

const CLEAR = '\r\u001B[2K'
const WIDTH = 24

export class Bar {
  readonly #output: Output
  #drawn = false

  constructor(output: Output) {
    this.#output = output
  }

  show(progress: Progress): void {
    if (!this.#output.isTTY) return
    this.#drawn = true
    this.#output.write(CLEAR + cut(barText(progress), widthOf(this.#output) - 1))
  }

  /** Leaves the line empty for what comes next. */
  clear(): void {
    if (this.#drawn) this.#output.write(CLEAR)
    this.#drawn = false
  }
}

/** `████████░░░░  3/5  60%  sniffing`; without a sensible total only the count. */
export function barText({ total, completed, details }: Progress): string {
  const what =
    details === undefined ? '' : `  ${printable(typeof details === 'string' ? details : JSON.stringify(details)).replaceAll('\n', ' ')}`
  if (!(total > 0) || !Number.isFinite(total)) return `${completed}${what}`
  const part = Math.min(1, Math.max(0, completed / total))
  const full = Math.round(part * WIDTH)
  return `${'█'.repeat(full)}${'░'.repeat(WIDTH - full)}  ${completed}/${total}  ${Math.round(part * 100)}%${what}`
}
