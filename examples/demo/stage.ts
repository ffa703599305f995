/**
 * Owns the processes of the demo: each is started here, and ended here whatever happens. What the parent and its children say to each other
 * goes over Node's own channel; a child whose parent is gone ends by itself.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export type Word = { readonly kind: 'ready'; readonly text: string } | { readonly kind: 'kill' | 'replace' }

const START_MS = 15_000
const started = new Set<ChildProcess>()

/** Starts a process of this folder. `heard` is told what it says after it is ready; resolves to what it said then. */
export async function start(
  file: string,
  env: Record<string, string>,
  heard: (word: Word, child: ChildProcess) => void = () => {},
): Promise<{ child: ChildProcess; text: string }> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  started.add(child)
  child.once('exit', () => started.delete(child))
  const text = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${file} did not start within ${START_MS} ms`)), START_MS)
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`${file} ended with ${code} before it was ready`)))
    child.on('message', (word: Word) => {
      if (word.kind !== 'ready') return heard(word, child)
      clearTimeout(timer)
      resolve(word.text)
    })
  })
  return { child, text }
}

/** Ends everything that was started, at once. */
export async function endAll(): Promise<void> {
  const gone = [...started].filter(isRunning).map((child) => once(child, 'exit'))
  killAll()
  await Promise.all(gone)
}

export function killAll(): void {
  for (const child of started) child.kill('SIGKILL')
}

function isRunning({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null
}

// ---- in a child

export function endWithParent(): void {
  process.once('disconnect', () => process.exit())
}

export function tellParent(word: Word): void {
  process.send!(word)
}

/** Resolves to the next word of the parent. */
export async function hearParent(): Promise<string> {
  const [word] = (await once(process, 'message')) as [Word]
  return word.kind === 'ready' ? word.text : ''
}
