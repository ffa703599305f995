/** Owns every process that the harness starts: each is ended with it, by its own number, whatever becomes of the harness. */
import { fork, spawn, type ChildProcess } from 'node:child_process'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** What is kept of what a process says on stderr, for people. */
const TAIL_CHARACTERS = 4000
const children = new Set<Child>()

export class Child {
  stdout = ''
  stderr = ''
  readonly ended: Promise<Ended>
  readonly process: ChildProcess
  #end: Ended | undefined

  constructor(child: ChildProcess) {
    this.process = child
    children.add(this)
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.stdout = (this.stdout + text).slice(-TAIL_CHARACTERS)))
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr = (this.stderr + text).slice(-TAIL_CHARACTERS)))
    this.ended = new Promise((resolve) => {
      const end = (code: number | null, signal: NodeJS.Signals | null): void => {
        children.delete(this)
        resolve((this.#end ??= { code, signal }))
      }
      child.once('exit', end)
      child.once('error', ({ message }) => {
        this.stderr += message
        end(-1, null)
      })
    })
  }

  get isRunning(): boolean {
    return this.#end === undefined
  }

  kill(signal: NodeJS.Signals): void {
    if (this.isRunning) this.process.kill(signal)
  }
}

/** A process of the harness itself, with what it is given. */
export function forkOwn(file: URL, given: unknown): Child {
  return new Child(
    fork(fileURLToPath(file), [JSON.stringify(given)], {
      execArgv: [],
      env: plainEnvironment(),
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    }),
  )
}

export function spawnPlain(command: readonly string[], env: Readonly<Record<string, string>> = {}): Child {
  const [program, ...args] = command as [string, ...string[]]
  return new Child(spawn(program, args, { env: { ...plainEnvironment(), ...env }, stdio: ['ignore', 'pipe', 'pipe'] }))
}

/** Ends what still runs, at once. */
export function endAll(): void {
  for (const child of children) child.kill('SIGKILL')
}

process.once('exit', endAll)

function plainEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(WAYBILL|NODE_|VITEST|FORCE_COLOR)/.test(name)))
}
