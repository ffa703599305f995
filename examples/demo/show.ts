/** Owns how the story looks: colours, a moving bar and lines broken between words on a terminal, plain lines elsewhere. */
import { setTimeout as wait } from 'node:timers/promises'
import { styleText } from 'node:util'

type Style = Parameters<typeof styleText>[0]

const CLEAR = '\r\u001B[2K'
const BAR = 20
/** Time to read, between chapters on a terminal. */
const PAUSE_MS = Number(process.env['DEMO_PAUSE_MS'] ?? 500)
const isTerminal = process.stdout.isTTY
const isColourful = isTerminal && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb'
const width = isTerminal ? process.stdout.columns : Number.POSITIVE_INFINITY
let chapters = 0

export function paint(style: Style, text: string): string {
  return isColourful ? styleText(style, text) : text
}

export function say(text = ''): void {
  console.log(text)
}

/** A step of the story, with the code that is about to run. There is time to read what was before, where somebody does. */
export async function chapter(title: string, ...lines: readonly string[]): Promise<void> {
  if (isTerminal && chapters > 0) await wait(PAUSE_MS)
  say()
  const number = `${++chapters}.`
  write('bold', number, title, number.length + 1)
  code(...lines)
}

export function code(...lines: readonly string[]): void {
  for (const line of lines) say(paint('cyan', `   ${line}`))
}

/** A process that has come. */
export function introduce(name: string, pid: number | undefined, text: string): void {
  say(`   ${paint('bold', name.padEnd(7))} pid ${String(pid).padEnd(7)} ${text}`)
}

export function result(text: string): void {
  say(`   ${paint('green', '→')} ${text}`)
}

export function failure(text: string): void {
  say(`   ${paint('red', '✗')} ${text}`)
}

export function note(text: string): void {
  write('dim', '  ', text, 3)
}

/** What belongs to the line above it. */
export function detail(text: string): void {
  write('dim', '    ', text, 5)
}

/** One step of a bar: written over on a terminal, a line each elsewhere. */
export function bar(total: number, completed: number, details: unknown): void {
  const full = Math.round((completed / total) * BAR)
  const text = `   ${'█'.repeat(full)}${'░'.repeat(BAR - full)} ${completed}/${total} km, ${String(details)}`
  if (!isTerminal) return say(text)
  process.stdout.write(CLEAR + paint('yellow', text))
  if (completed === total) process.stdout.write('\n')
}

/** Broken between words; what follows is indented. */
function write(style: Style, mark: string, text: string, indent: number): void {
  let line = mark
  for (const word of text.split(' ')) {
    if (line.length + 1 + word.length > width && line.trim() !== '') {
      say(paint(style, line))
      line = `${' '.repeat(indent - 1)} ${word}`
    } else line += ` ${word}`
  }
  say(paint(style, line))
}
