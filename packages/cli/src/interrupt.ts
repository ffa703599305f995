/** Owns Ctrl-C and SIGTERM while a verb waits: the first is told to the verb, the second ends the process at once. */
import { Exit } from './exits.js'

export async function interruptible<R>(interrupted: () => void, work: () => Promise<R>): Promise<R> {
  let again = false
  const interrupt = (): void => {
    if (again) process.exit(Exit.interrupted)
    again = true
    interrupted()
  }
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  try {
    return await work()
  } finally {
    process.off('SIGINT', interrupt)
    process.off('SIGTERM', interrupt)
  }
}

/** Resolves to what the work gives, or to undefined at Ctrl-C; then nobody waits for the work any longer, and its failure is nobody's. */
export async function unlessInterrupted<R>(work: () => Promise<R>): Promise<R | undefined> {
  let stop!: () => void
  const stopped = new Promise<undefined>((resolve) => (stop = () => resolve(undefined)))
  return interruptible(stop, () => Promise.race([work(), stopped]))
}
