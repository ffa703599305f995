/** Owns how the story looks: colours and a moving bar on a terminal, plain lines elsewhere. */
import { setTimeout as wait } from 'node:timers/promises'
import { styleText } from 'node:util'

type Style = Parameters<typeof styleText>[0]

const CLEAR = '\r\u001B[2K'
const BAR = 20
const PAUSE_MS = 600
const isTerminal = process.stdout.isTTY
const isColourful = isTerminal && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb'

export function paint(style: Style, text: string): string {
  return isColourful ? styleText(style, text) : text
}

export function say(text = ''): void {
  console.log(text)
}

/** A step of the story, with the code that is about to run. */
export function chapter(number: number, title: string, ...code: readonly string[]): void {
  say()
  say(paint('bold', `${number}. ${title}`))
  for (const line of code) say(paint('cyan', `   ${line}`))
}

export function result(text: string): void {
  say(`   ${paint('green', '→')} ${text}`)
}

export function failure(text: string): void {
  say(`   ${paint('red', '✗')} ${text}`)
}

export function note(text: string): void {
  say(paint('dim', `   ${text}`))
}

/** Time to read, where somebody does. */
export async function pause(): Promise<void> {
  if (isTerminal) await wait(PAUSE_MS)
}

/** One step of a bar: written over on a terminal, a line each elsewhere. */
export function bar(total: number, completed: number, details: unknown): void {
  const full = Math.round((completed / total) * BAR)
  const text = `   ${'█'.repeat(full)}${'░'.repeat(BAR - full)} ${completed}/${total} km, ${String(details)}`
  if (!isTerminal) return say(text)
  process.stdout.write(CLEAR + paint('yellow', text))
  if (completed === total) process.stdout.write('\n')
}
