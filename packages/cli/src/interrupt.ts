/** Owns Ctrl-C and SIGTERM while a verb waits: the first is told to the verb, the second ends the process at once. */
import { Exit } from './exits.js'
import type { Terminal } from './terminal.js'

export async function interruptible<R>({ onInterrupt, exit }: Terminal, interrupted: () => void, work: () => Promise<R>): Promise<R> {
  let again = false
  const stop = onInterrupt(() => {
    if (again) exit(Exit.interrupted)
    again = true
    interrupted()
  })
  try {
    return await work()
  } finally {
    stop()
  }
}

/** Resolves to what the work gives, or to undefined at Ctrl-C; then nobody waits for the work any longer, and its failure is nobody's. */
export async function unlessInterrupted<R>(terminal: Terminal, work: () => Promise<R>): Promise<R | undefined> {
  let stop!: () => void
  const stopped = new Promise<undefined>((resolve) => (stop = () => resolve(undefined)))
  return interruptible(terminal, stop, () => Promise.race([work(), stopped]))
}
