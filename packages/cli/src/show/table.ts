/** Owns aligned tables of text. Pure. */
import { printable } from './paint.js'

export interface Column<R> {
  readonly title: string
  readonly cell: (row: R) => string
  readonly right?: boolean
  /** Left out when every cell of it is empty. */
  readonly optional?: boolean
}

const GAP = '  '

/** One line for each row under a line of titles. The last column ends in `…` where it would pass `width`. */
export function table<R>(columns: readonly Column<R>[], rows: readonly R[], width = Number.POSITIVE_INFINITY): string[] {
  const shown = columns
    .map(({ title, cell, right = false, optional = false }) => ({ title, right, optional, cells: rows.map((row) => printable(cell(row))) }))
    .filter(({ optional, cells }) => !optional || cells.some((cell) => cell !== ''))
    .map((column) => ({ ...column, width: Math.max(column.title.length, ...column.cells.map((cell) => cell.length)) }))
  const line = (textOf: (column: (typeof shown)[number]) => string): string =>
    cut(
      shown
        .map((column) => (column.right ? textOf(column).padStart(column.width) : textOf(column).padEnd(column.width)))
        .join(GAP)
        .trimEnd(),
      width,
    )
  return [line(({ title }) => title), ...rows.map((_, index) => line(({ cells }) => cells[index]!))]
}

/** At most `width` characters, the last one `…` where something is missing. */
export function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`
}
