/** The `waybill` command. Owns nothing but what the process is to it, and how the process ends. */
import { run } from './program.js'

const { stdout, stderr, env } = process

/** Whoever reads our output has seen enough, as in `waybill services | head -1`. */
stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))
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

process.exitCode = await run(process.argv.slice(2), { out: stdout, err: stderr, env, onInterrupt, exit: (code) => process.exit(code) })
// What was printed goes out; a connection that does not end by itself is not waited for.
setTimeout(() => process.exit(), 500).unref()
