/** Owns how the outcome of a call is told: its value on stdout, its failure as any other; and the exit code of it. */
import { WaybillError } from '@waybill/client'
import { Exit } from './exits.js'
import { tellFailure, type Telling } from './failure.js'
import { printable } from './show/paint.js'
import { jsonForm, valueText } from './show/value.js'

/** What stands beside the outcome in its JSON object, in front of it. */
type Beside = Telling['beside']

/** Text goes out as it is, to a file or a pipe unchanged; a terminal gets no control characters from afar. Nothing is printed for nothing. */
export function tellResult(value: unknown, json: boolean, beside: Beside = {}): number {
  if (json) console.log(JSON.stringify({ ...beside, result: jsonForm(value) }))
  else if (value !== undefined) {
    const text = valueText(value)
    console.log(process.stdout.isTTY ? printable(text) : text)
  }
  return Exit.ok
}

export function tellException(thrown: unknown, json: boolean, beside: Beside = {}): number {
  const error = WaybillError.from(thrown)
  tellFailure(error, { json, ofCall: true, beside })
  return error.code === 'BadAddress' ? Exit.usage : Exit.failed
}
