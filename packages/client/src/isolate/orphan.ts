/** Beside an isolated method, in a thread: a method that never ends does not hear that its parent has gone, and would run for ever. */
import process from 'node:process'

const LOOK_MS = 500
const parent = process.ppid

setInterval(() => {
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL')
}, LOOK_MS)
