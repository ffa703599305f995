/** `npm run demo`: one story of a quarter of a minute, each part a process of its own. Owns its beginning and its end. */
import { once } from 'node:events'
import { introduce, paint, say } from './show.js'
import { endAll, start } from './stage.js'

const LONGEST_MS = 60_000

// Whatever happens, nothing that was started outlives this process.
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)
  process.once(signal, () => process.exit(code))
setTimeout(() => stop(new Error(`the demo did not end within ${LONGEST_MS / 1000} s`)), LONGEST_MS).unref()

try {
  await play()
} catch (thrown) {
  stop(thrown)
}

async function play(): Promise<void> {
  const startedAt = performance.now()
  say(paint('bold', 'Waybill: call methods of other processes as if here'))
  say()
  const router = await start('./router.js')
  introduce('router', router.child.pid, router.text)
  const walker = await start('./walker.js', { WAYBILL_URL: router.text })
  const [code, signal] = (await once(walker.child, 'exit')) as [number | null, string | null]
  if (code !== 0) throw new Error(`the walker ended with ${code ?? signal}`)
  await endAll()
  say()
  say(`That was ${((performance.now() - startedAt) / 1000).toFixed(1)} s; all that was started has ended.`)
  say(`Next: ${paint('cyan', 'examples/01-hello')}, three files of your own size.`)
}

function stop(thrown: unknown): void {
  console.error('The demo failed:', thrown)
  process.exit(1)
}
