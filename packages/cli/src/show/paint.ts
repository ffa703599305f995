/**
 * Owns colours, and what may reach a terminal at all: text from elsewhere could hold sequences that move the cursor or retitle the window.
 */
import { styleText } from 'node:util'
import type { Output, Terminal } from '../terminal.js'

type Style = Parameters<typeof styleText>[0]

/** Colours for stdout: only where it is a terminal and nobody asked for none. */
export function paint(style: Style, text: string, { out, env }: Terminal): string {
  return isColourful(out, env) ? styleText(style, text) : text
}

/** The same for stderr. */
export function paintError(style: Style, text: string, { err, env }: Terminal): string {
  return isColourful(err, env) ? styleText(style, text) : text
}

// oxlint-disable-next-line no-control-regex -- they are what is looked for
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g

/** With every control character but line feed and tab shown as an escape. */
export function printable(text: string): string {
  return text.replaceAll(CONTROLS, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

function isColourful({ isTTY = false }: Output, env: Terminal['env']): boolean {
  return isTTY && !env['NO_COLOR'] && env['TERM'] !== 'dumb'
}
