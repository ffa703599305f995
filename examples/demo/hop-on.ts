/** Starts a worker and says that it is there. */
import type { ChildProcess } from 'node:child_process'
import { introduce } from './show.js'
import { start } from './stage.js'

export async function hopOn(name: string, version: '1' | '2' = '1'): Promise<ChildProcess> {
  const { child, text } = await start('./kennel.js', { KENNEL: name, VERSION: version })
  introduce(name, child.pid, text)
  return child
}
