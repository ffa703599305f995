// Prints: figures per contender, then ratios per pair with their floors.
import { spreads } from './cells.mjs'
import { inverse, ratio, spread, verdicts } from './ratios.mjs'

/** @typedef {import('./contest.mjs').Figures} Figures */
/** @typedef {{ cell: import('./cells.mjs').Cell, rounds: Record<string, (Figures | undefined)[]> }} Result */

/** @param {Result[]} results @returns {string} */
export function figuresTable(results) {
  const head = ['cell', 'contender', 'CPU µs/call', 'caller', 'relay', 'worker', 'calls/s', 'p50 µs', 'p99 µs']
  const rows = results.flatMap(({ cell, rounds }) =>
    Object.entries(rounds).map(([contender, figures], index) => {
      const done = figures.filter((one) => one !== undefined)
      const label = [index === 0 ? cell.says : '', contender]
      if (done.length === 0) return [...label, 'failed', '', '', '', '', '', '']
      const middle = (pick) => spread(done.map(pick)).median
      const cpu = [(one) => one.cpuUs, (one) => one.callerUs, (one) => one.relayUs, (one) => one.workerUs].map((pick) =>
        middle(pick).toFixed(1),
      )
      const latency = [(one) => one.p50, (one) => one.p99].map((pick) => middle(pick).toFixed(0))
      return [...label, ...cpu, middle((one) => (one.calls / one.wallMs) * 1000).toFixed(0), ...latency]
    }),
  )
  return aligned([head, ...rows], 2)
}

/** @param {Result[]} results @param {[string, string][]} pairs ours and the other's name */
export function ratiosTable(results, pairs) {
  const head = ['cell', 'pair', 'CPU', 'p50', 'p99', 'floor']
  let missed = 0
  const rows = results.flatMap(({ cell, rounds }) =>
    pairs
      .filter(([ours, theirs]) => bothRan(rounds[ours], rounds[theirs]))
      .map(([ours, theirs], index) => {
        const ratios = Object.fromEntries(['cpuUs', 'p50', 'p99'].map((figure) => [figure, ratio(rounds[ours], rounds[theirs], figure)]))
        const found = ours === 'waybill' ? verdicts(cell.floors[theirs], ratios) : []
        missed += found.filter((one) => !one.met).length
        const cpu = theirs === 'raw-relay' ? `${show(inverse(ratios.cpuUs))} less` : show(ratios.cpuUs)
        const floor = found.map((one) => `${one.text} ${one.met ? 'ok' : 'MISSED'}`).join(', ')
        return [index === 0 ? cell.says : '', `${ours} : ${theirs}`, cpu, show(ratios.p50), show(ratios.p99), floor]
      }),
  )
  return { text: rows.length === 0 ? '' : aligned([head, ...rows], 2), missed }
}

/** Several callees against one, each contender with itself. @param {Result[]} results */
export function spreadLines(results) {
  const cpu = (name, contender) => {
    const done = results.find((one) => one.cell.name === name)?.rounds[contender]?.filter((one) => one !== undefined) ?? []
    return done.length === 0 ? undefined : spread(done.map((one) => one.cpuUs)).median
  }
  const contenders = Object.keys(results[0]?.rounds ?? {})
  return spreads.flatMap(([many, one]) => {
    const shown = contenders.flatMap((contender) => {
      const [a, b] = [cpu(many, contender), cpu(one, contender)]
      return a === undefined || b === undefined ? [] : [`${contender} ${(a / b).toFixed(2)}x`]
    })
    return shown.length === 0 ? [] : [`CPU per call of ${many} against ${one}: ${shown.join(', ')}`]
  })
}

function bothRan(ours, theirs) {
  return ours?.some((one, round) => one !== undefined && theirs?.[round] !== undefined) ?? false
}

function show({ median, min, max }) {
  return `${median.toFixed(2)}x (${min.toFixed(2)}–${max.toFixed(2)})`
}

/** Columns before `texts` to the left, numbers and ratios to the right; the last of a ratio row is text again. */
function aligned(rows, texts) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  const left = (column) => column < texts || rows[0][column] === 'floor'
  const line = (row) => row.map((text, column) => (left(column) ? text.padEnd(widths[column]) : text.padStart(widths[column]))).join('  ')
  return rows.map((row) => line(row).trimEnd()).join('\n')
}
