/** The `waybill` command. Owns nothing but what the process is to it, and how the process ends. */
import { run } from './program.js'
import type { Output } from './terminal.js'

const { stdin, stdout, stderr, env } = process

let isAwaited = false
const out: Output = {
  isTTY: stdout.isTTY,
  get columns() {
    return stdout.columns
  },
  get rows() {
    return stdout.rows
  },
  write: (piece, written) => {
    isAwaited ||= written !== undefined
    return stdout.write(piece, written)
  },
}
/** Whoever reads our output has seen enough, as in `waybill services | head -1`. Who waits for what he writes ends by himself. */
stdout.on('error', (error: NodeJS.ErrnoException) => isAwaited || process.exit(error.code === 'EPIPE' ? 0 : 1))
/** Remarks that nobody reads stop nothing. */
stderr.on('error', () => {})

function onInterrupt(listener: () => void): () => void {
  process.on('SIGINT', listener)
  process.on('SIGTERM', listener)
  return () => {
    process.off('SIGINT', listener)
    process.off('SIGTERM', listener)
  }
}

process.exitCode = await run(process.argv.slice(2), {
  out,
  err: stderr,
  input: () => stdin,
  env,
  onInterrupt,
  exit: (code) => process.exit(code),
})
// What was printed goes out, however slow its reader is; a connection that does not end by itself is not waited for.
stdout.write('', () => setTimeout(() => process.exit(), 500).unref())
