/** All that tests and what they start put into temporary folders is in one, which goes with them: also what was left by who was killed. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Short, as the path of a socket may be no longer than 107 bytes. */
const OURS = join(tmpdir(), 'wb-')

/** Each project of the test runner asks for it; the first one is enough. */
export default function setup(): (() => void) | undefined {
  if (tmpdir().includes('/wb-')) return undefined
  const folder = mkdtempSync(OURS)
  process.env['TMPDIR'] = folder
  return () => rmSync(folder, { recursive: true, force: true })
}
