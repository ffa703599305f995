/** Owns how it is told what there is: counts with their nouns, and facts under each other behind their titles. */
import { widthOf, type Terminal } from '../terminal.js'
import { paint } from './paint.js'
import { cut } from './table.js'

export type Count = readonly [count: number, what: string]

const TITLE_WIDTH = 8

export function grouped(count: number): string {
  return count.toLocaleString('en-US')
}

/** `1 client`, `2 clients`. */
export function counted(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`
}

/** Those of which there are any. */
export function present(...counts: readonly Count[]): string[] {
  return counts.filter(([count]) => count > 0).map(([count, what]) => `${grouped(count)} ${what}`)
}

/** A line for each; one without a title goes on with the one above it. */
export function factLines(facts: readonly (readonly [title: string, text: string])[], terminal: Terminal): string[] {
  const width = widthOf(terminal.out) - TITLE_WIDTH - 2
  return facts.map(([title, text]) => `${paint('bold', title.padEnd(TITLE_WIDTH), terminal)}  ${cut(text, width)}`)
}
