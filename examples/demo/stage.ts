/**
 * Owns the processes of the demo: each is started here, and ended here whatever happens. What children say to their parents goes over Node's own
 * channel; a child whose parent is gone ends by itself, and takes its own children with it.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

interface Word {
  readonly kind: 'ready' | 'told'
  readonly text: string
}

export interface Actor {
  readonly child: ChildProcess
  /** What it said when it was ready. */
  readonly text: string
}

const START_MS = 15_000
const started = new Set<ChildProcess>()
process.once('exit', killAll)

/** Starts a process of this folder; resolves when it is ready. `heard` is told what it says later. */
export async function start(file: string, env: Record<string, string> = {}, heard: (text: string) => void = () => {}): Promise<Actor> {
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
    child.on('message', ({ kind, text: said }: Word) => {
      if (kind === 'told') return heard(said)
      clearTimeout(timer)
      resolve(said)
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

function killAll(): void {
  for (const child of started) child.kill('SIGKILL')
}

function isRunning({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null
}

// ---- in a child

export function endWithParent(): void {
  process.once('disconnect', () => process.exit())
}

/** To be said once. */
export function ready(text: string): void {
  process.send!({ kind: 'ready', text } satisfies Word)
}

export function tell(text: string): void {
  process.send!({ kind: 'told', text } satisfies Word)
}
