/** A process that simulates one planted bug after another. One that never ends, or ends its process, is answered for it by the next one. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Ran } from './plant.js'

/** Of real time: a planted bug may loop for ever. */
const MOST_MS = 60_000

export class Simulator {
  readonly #whole: string
  #child: ChildProcess | undefined

  constructor(whole: string) {
    this.#whole = whole
  }

  /** One at a time. A code of -1 is a process that said nothing in the end. */
  run(script: string, args: readonly string[], mostMs = MOST_MS): Promise<Ran> {
    const child = (this.#child ??= fork(this.#whole, { execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] }))
    let errors = ''
    const hear = (text: Buffer): void => {
      errors += text.toString()
    }
    child.stderr!.on('data', hear)
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        errors += `it did not end within ${mostMs} ms`
        child.kill('SIGKILL')
      }, mostMs)
      const end = (ran: Ran): void => {
        clearTimeout(timer)
        child.stderr!.off('data', hear)
        child.removeAllListeners()
        resolve(ran)
      }
      child.on('message', (ran) => end(ran as Ran))
      child.on('close', () => {
        this.#child = undefined
        end({ code: -1, output: errors })
      })
      child.send({ script, args })
    })
  }

  /** Resolves when the process has ended. */
  async end(): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    this.#child = undefined
    const closed = once(child, 'close')
    child.kill()
    await closed
  }
}
