/** The router as a process: started on the same doors again and again, over the same data. Knows what it says where it does not start. */
import { createServer, type AddressInfo } from 'node:net'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import type { LogFile } from '../log-file.js'
import type { HarnessLine } from '../lines.js'
import { nowMs, within } from '../now.js'
import { spawnPlain, type Child, type Ended } from './children.js'

const COMMAND = fileURLToPath(new URL('../../../../cli/bin/waybill.js', import.meta.url))
const START_MS = 60_000

export interface RouterSetting {
  /** Undefined: it keeps everything in memory. */
  readonly data: string | undefined
  /** What stands in front of the command. */
  readonly wrap?: readonly string[] | undefined
  readonly env?: Readonly<Record<string, string>> | undefined
  /** The script of the command, where it is not the one of this repository. */
  readonly command?: string | undefined
}

/** It ended before it was ready, and said why. */
export interface Refusal extends Ended {
  readonly said: string
}

/** Whether `waybill start` knows where to keep data. */
async function keepsData(command: string): Promise<boolean> {
  const child = spawnPlain([process.execPath, command, 'start', '--help'])
  let help = ''
  child.process.stdout!.on('data', (text: string) => (help += text))
  await child.ended
  return help.includes('--data')
}

export class RouterProcess {
  #child: Child | undefined
  #starts = 0
  #setting: RouterSetting

  private constructor(
    readonly webPort: number,
    readonly tcpPort: number,
    setting: RouterSetting,
    readonly knowsData: boolean,
    readonly log: LogFile<HarnessLine>,
  ) {
    this.#setting = setting
  }

  static async on(setting: RouterSetting, log: LogFile<HarnessLine>): Promise<RouterProcess> {
    const [webPort, tcpPort] = [await freePort(), await freePort()]
    return new RouterProcess(webPort, tcpPort, setting, await keepsData(setting.command ?? COMMAND), log)
  }

  get web(): string {
    return `ws://127.0.0.1:${this.webPort}`
  }

  get tcp(): string {
    return `tcp://127.0.0.1:${this.tcpPort}`
  }

  get who(): string {
    return `router-${this.#starts}`
  }

  get isRunning(): boolean {
    return this.#child?.isRunning === true
  }

  get pid(): number | undefined {
    return this.#child?.process.pid
  }

  /** What the next start is made with. */
  set setting(setting: RouterSetting) {
    this.#setting = setting
  }

  /** Resolves when it listens; with how it ended where it does not come so far. */
  async start(): Promise<Refusal | undefined> {
    const { data, wrap = [], env, command = COMMAND } = this.#setting
    const kept = data === undefined ? (this.knowsData ? ['--memory'] : []) : ['--data', data]
    const doors = ['--port', String(this.webPort), '--tcp', `127.0.0.1:${this.tcpPort}`]
    this.#starts++
    const who = this.who
    const fromMs = nowMs()
    this.log.write({ e: 'router-spawned' })
    const child = spawnPlain([...wrap, process.execPath, command, 'start', '--json', ...doors, ...kept], env)
    this.#child = child
    await within(START_MS, () => child.stdout.includes('\n') || !child.isRunning, 5)
    // What it says where it does not start is a line too, and its end follows.
    if (!child.stdout.includes('"url"')) {
      const isLate = !(await within(child.stdout === '' ? 0 : START_MS, () => !child.isRunning))
      if (isLate) child.kill('SIGKILL')
      const ended = await child.ended
      return { ...ended, said: `${isLate ? 'it neither listened nor ended; ' : ''}${child.stdout}${child.stderr}`.trim() }
    }
    this.log.write({ e: 'router-ready', tookMs: nowMs() - fromMs })
    // An end that nobody asked for is a finding, whenever it comes.
    void child.ended.then(({ code, signal }) => {
      if (this.#child === child && signal !== 'SIGKILL')
        this.log.write({ e: 'died', who, how: `${signal ?? `exit ${code}`}: ${child.stderr.trim().slice(-500)}` })
    })
    return undefined
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL', 'killed')
  }

  /** Resolves with how it ended. */
  async ask(): Promise<Ended> {
    return this.#end('SIGTERM', 'asked')
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child?.kill(signal)
  }

  async #end(signal: NodeJS.Signals, how: 'killed' | 'asked'): Promise<Ended> {
    const child = this.#child
    if (child?.isRunning !== true) return { code: null, signal: null }
    this.#child = undefined
    child.kill('SIGCONT')
    child.kill(signal)
    const ended = await child.ended
    this.log.write({ e: 'ended', who: this.who, how })
    return ended
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
