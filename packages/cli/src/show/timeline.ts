/** Owns how the steps of a call stand under each other, each with its time and where that lies between the first and the last. Pure. */
import type { Step } from '../tracing.js'
import { printable } from './paint.js'
import { cut } from './table.js'

/** From this width on there is room for more. */
const WIDE = 120

export function timelineText(call: string, sn: string, steps: readonly Step[], width = Number.POSITIVE_INFINITY): string[] {
  const lastMs = steps.reduce((last, { atMs }) => Math.max(last, atMs), 0)
  const columns = width >= WIDE ? 48 : 16
  const place = (atMs: number): number => (lastMs === 0 ? 0 : Math.round((atMs / lastMs) * (columns - 1)))
  const lines = steps.map(({ event, atMs, text = '', count }, index) => {
    const to = place(atMs)
    const from = Math.min(to, place(steps[index - 1]?.atMs ?? 0))
    const bar = `${' '.repeat(from)}${'─'.repeat(to - from)}●`.padEnd(columns)
    const what = count === undefined ? text : `${count} more, last: ${text}`
    return cut(
      `${atMs.toFixed(2).padStart(10)}  ${event.padEnd(9)}  ${bar}  ${printable(what).replaceAll(/[\n\t]/g, ' ')}`.trimEnd(),
      width,
    )
  })
  const title = `${printable(call)}: ${steps.at(-1)?.event ?? 'nothing'} after ${lastMs.toFixed(2)} ms`
  return [cut(title, width), cut(`  serial number ${sn}`, width), `${'MS'.padStart(10)}`, ...lines]
}
