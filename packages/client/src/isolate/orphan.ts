/** Beside an isolated method, in a thread: a method that never ends does not hear that its parent has gone, and would run for ever. */
import process from 'node:process'
import { workerData } from 'node:worker_threads'

const LOOK_MS = 500
/** As the parent said it: who looks may look too late to see it. */
const parent: unknown = workerData

setInterval(() => {
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL')
}, LOOK_MS)
