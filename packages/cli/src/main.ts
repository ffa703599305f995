/** The `waybill` command. Owns nothing but how the process ends. */
import { run } from './program.js'

/** Whoever reads our output has seen enough, as in `waybill services | head -1`. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

process.exitCode = await run(process.argv.slice(2))
// What was printed goes out; a connection that does not end by itself is not waited for.
setTimeout(() => process.exit(), 500).unref()
