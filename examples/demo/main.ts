/** `npm run demo`: a router, a worker and a caller as three processes, in one story of a few seconds. Owns the order of things. */
import { once } from 'node:events'
import type { ChildProcess } from 'node:child_process'
import { paint, say } from './show.js'
import { endAll, killAll, start, type Word } from './stage.js'

const LONGEST_MS = 30_000

// Whatever happens, nothing that was started outlives this process.
process.once('exit', killAll)
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
  say(paint('bold', 'Waybill: call methods of other processes as if they were here'))
  say()
  const router = await start('./router.js', {})
  const place = { WAYBILL_URL: router.text }
  introduce('router', router.child, router.text)
  const first = await start('./kennel.js', { ...place, KENNEL: 'kennel' })
  introduce('kennel', first.child, `offers ${first.text}`)

  const walker = await start('./walker.js', place, (word, child) => void obey(word, child).catch(stop))
  introduce('walker', walker.child, walker.text)
  walker.child.send(go())

  const [code, signal] = (await once(walker.child, 'exit')) as [number | null, string | null]
  if (code !== 0) throw new Error(`the walker ended with ${code ?? signal}`)
  await endAll()
  say()
  say(`That was ${((performance.now() - startedAt) / 1000).toFixed(1)} s; everything that was started has ended.`)
  say(`Next: ${paint('cyan', 'examples/01-hello')}, three files of your own size.`)

  /** What the story needs that the walker cannot do itself. */
  async function obey({ kind }: Word, child: ChildProcess): Promise<void> {
    if (kind === 'kill') {
      say(paint('cyan', `   kill -9 ${first.child.pid}`))
      first.child.kill('SIGKILL')
      child.send(go())
    } else if (kind === 'replace') {
      const second = await start('./kennel.js', { ...place, KENNEL: 'kennel2' })
      child.send(go(`kennel2, pid ${second.child.pid}, hopped on and offers ${second.text}`))
    }
  }
}

function go(text = ''): Word {
  return { kind: 'ready', text }
}

function introduce(name: string, { pid }: ChildProcess, text: string): void {
  say(`   ${paint('bold', name.padEnd(7))} pid ${String(pid).padEnd(7)} ${text}`)
}

function stop(thrown: unknown): void {
  console.error('The demo failed:', thrown)
  process.exit(1)
}
