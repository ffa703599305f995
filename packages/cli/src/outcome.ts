/** Owns how the outcome of a call is told: its value on stdout, its failure as any other; and the exit code of it. */
import { WaybillError } from '@waybill/core'
import { Exit } from './exits.js'
import { tellFailure, type Telling } from './failure.js'
import { printable } from './show/paint.js'
import { jsonForm, valueText } from './show/value.js'
import { print, type Terminal } from './terminal.js'

/** As one JSON object or as text; and what stands in that object in front of the outcome. */
type Manner = Pick<Telling, 'json' | 'beside'>

/**
 * Text and bytes go out as they are, to a file or a pipe unchanged; a terminal gets no control characters from afar. Nothing is printed for
 * nothing.
 */
export function tellResult(value: unknown, { json, beside }: Manner, terminal: Terminal): number {
  if (json) print(JSON.stringify({ ...beside, result: jsonForm(value) }), terminal)
  else if (value instanceof Uint8Array && !terminal.out.isTTY) terminal.out.write(value)
  else if (value !== undefined) {
    const text = valueText(value)
    print(terminal.out.isTTY ? printable(text) : text, terminal)
  }
  return Exit.ok
}

export function tellException(thrown: unknown, { json, beside }: Manner, terminal: Terminal): number {
  const error = WaybillError.from(thrown)
  tellFailure(error, { json, ofCall: true, ...(beside && { beside }) }, terminal)
  return error.code === 'BadAddress' ? Exit.usage : Exit.failed
}
