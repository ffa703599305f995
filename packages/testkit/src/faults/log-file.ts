/** Owns the bytes of a log: each line is with the system before the next statement runs, so that it outlives its process. */
import { systemPorts } from '@waybill/core/system'
import { closeSync, createReadStream, openSync, writeSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { nowMs } from './now.js'
import type { AuditLine, CallerLine, ClientLine, HarnessLine, Line, WorkerLine } from './lines.js'

export class LogFile<L extends CallerLine | WorkerLine | ClientLine | HarnessLine | AuditLine> {
  #descriptor: number
  readonly #who: string

  constructor(folder: string, who: string) {
    this.#who = who
    this.#descriptor = openSync(join(folder, `${who}.log`), 'a')
  }

  write(line: L): void {
    writeSync(this.#descriptor, `${JSON.stringify({ t: nowMs(), w: systemPorts.clock.wallMs(), i: this.#who, ...line })}\n`)
  }

  /** What follows stands in another folder. */
  into(folder: string): void {
    closeSync(this.#descriptor)
    this.#descriptor = openSync(join(folder, `${this.#who}.log`), 'a')
  }

  close(): void {
    closeSync(this.#descriptor)
  }
}

/** The lines of one log. A last one without its end was being written when its process was killed. */
export async function* linesOf(path: string): AsyncGenerator<Line> {
  let former: string | undefined
  for await (const text of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    if (former !== undefined) yield parsed(path, former)
    former = text
  }
  if (former?.endsWith('}') === true) yield parsed(path, former)
}

/** All lines of all logs in a folder, file by file. */
export async function* allLines(folder: string): AsyncGenerator<Line> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.log'))
  for (const name of names.toSorted()) yield* linesOf(join(folder, name))
}

function parsed(path: string, text: string): Line {
  try {
    return JSON.parse(text) as Line
  } catch {
    throw new Error(`${path} has a line that is no JSON: ${text.slice(0, 200)}`)
  }
}
