/** Owns aligned tables of text. Pure. */
import { printable } from './paint.js'

export interface Column<R> {
  readonly title: string
  readonly cell: (row: R) => string
  readonly right?: boolean
  /** Left out when every cell of it is empty. */
  readonly optional?: boolean
  /** Where the table is too wide its cells are cut, so that what stands behind them can be seen. */
  readonly yields?: boolean
}

const GAP = '  '
/** No column yields more than to this. */
const LEAST_WIDTH = 8

/** One line for each row under a line of titles. The last column ends in `…` where it would pass `width`. */
export function table<R>(columns: readonly Column<R>[], rows: readonly R[], width = Number.POSITIVE_INFINITY): string[] {
  const shown = columns
    .map(({ title, cell, right = false, optional = false, yields = false }) => ({
      ...{ title, right, optional, yields },
      cells: rows.map((row) => printable(cell(row))),
    }))
    .filter(({ optional, cells }) => !optional || cells.some((cell) => cell !== ''))
    .map((column) => ({ ...column, width: Math.max(column.title.length, ...column.cells.map((cell) => cell.length)) }))
  const widthOfAll = (): number => shown.reduce((total, column) => total + column.width, GAP.length * (shown.length - 1))
  for (let over = widthOfAll() - width; over > 0; over--) {
    const [widest] = shown.filter((column) => column.yields && column.width > LEAST_WIDTH).toSorted((a, b) => b.width - a.width)
    if (widest === undefined) break
    widest.width--
  }
  const fitted = (text: string, column: (typeof shown)[number]): string => {
    const told = column.yields ? cut(text, column.width) : text
    return column.right ? told.padStart(column.width) : told.padEnd(column.width)
  }
  const line = (textOf: (column: (typeof shown)[number]) => string): string =>
    cut(
      shown
        .map((column) => fitted(textOf(column), column))
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
