/** A bar that moves on a terminal; elsewhere a line for each quarter. */
const WIDTH = 24

export class Bar {
  readonly #what: string
  readonly #total: number
  #quarters = 0

  constructor(what: string, total: number) {
    this.#what = what
    this.#total = total
  }

  show(done: number): void {
    const part = done / this.#total
    if (process.stdout.isTTY) {
      const full = Math.round(part * WIDTH)
      const line = `${'█'.repeat(full)}${'░'.repeat(WIDTH - full)}  ${Math.round(part * 100)}%  ${this.#what}`
      process.stdout.write(`\r\u001B[2K${line}${done === this.#total ? '\n' : ''}`)
      return
    }
    while (this.#quarters < Math.floor(part * 4)) console.log(`${this.#what}: ${++this.#quarters * 25}%`)
  }
}
