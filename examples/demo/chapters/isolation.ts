/** A method that does not end by itself. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Remote } from '@waybill/client'
import type { Dog } from '../dog.js'
import { chapter, note } from '../show.js'
import { failureOf, tellOf } from './failing.js'

export async function isolation(dog: Remote<Dog>): Promise<void> {
  await chapter(
    'A method that never ends is really killed',
    "@Method({ isolate: 'process' }) dig() { for (;;); }",
    'const digging = dog.dig()',
    "await digging.cancel('enough')",
  )
  const digging = dog.dig()
  const pid = await new Promise<number>((resolve) => void digging.on('progress', ({ details }) => resolve(details as number)))
  const over = failureOf(digging)
  await digging.cancel('enough')
  tellOf('digging', await over)
  // The end of the call waits for that of the process, but not for ever.
  for (const untilMs = performance.now() + 5000; isAlive(pid) && performance.now() < untilMs;) await sleep(20)
  note(isAlive(pid) ? 'its process is still there' : 'its process is gone, the kennel goes on')
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
