/** What the harness needs of the system beside Node, and what is missing of it, as the end of a sentence. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'

const FAKETIME = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/lib'].map(
  (folder) => `${folder}/faketime/libfaketime.so.1`,
)

/** Undefined where processes can be traced here. */
export function whyNoStrace(): string | undefined {
  try {
    execFileSync('strace', ['-o', '/dev/null', '-e', 'trace=none', 'true'], { stdio: 'pipe' })
    return undefined
  } catch (thrown) {
    return (thrown as { code?: string }).code === 'ENOENT' ? 'there is no strace' : 'processes cannot be traced here'
  }
}

/** Makes a program see another time of day, and the same monotonic clock. Undefined where it is not installed. */
export function clockOffBy(seconds: number): Readonly<Record<string, string>> | undefined {
  const library = FAKETIME.find((path) => existsSync(path))
  if (library === undefined) return undefined
  return {
    LD_PRELOAD: library,
    FAKETIME: `${seconds < 0 ? '' : '+'}${seconds}s`,
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    DONT_FAKE_MONOTONIC: '1',
  }
}
