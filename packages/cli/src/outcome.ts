/** Owns how the outcome of a call is told: its value on stdout, its failure as any other; and the exit code of it. */
import { Parcel, WaybillError } from '@waybill/core'
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
export function tellResult(result: unknown, { json, beside }: Manner, terminal: Terminal): number {
  const value = result instanceof Parcel ? opened(result, json, terminal) : result
  if (json) print(JSON.stringify({ ...beside, result: jsonForm(value) }), terminal)
  else if (value instanceof Uint8Array && !terminal.out.isTTY) terminal.out.write(value)
  else if (value !== undefined) {
    const text = valueText(value)
    print(terminal.out.isTTY ? printable(text) : text, terminal)
  }
  return Exit.ok
}

/** Of a parcel its bytes, as text to where people read; in JSON also what is said of them. */
function opened(parcel: Parcel, json: boolean, terminal: Terminal): unknown {
  const { head, bytes } = parcel
  const text = textOf(parcel)
  if (!json) return terminal.out.isTTY === true && text !== undefined ? text : bytes
  return { ...head, ...(text === undefined ? { base64: Buffer.from(bytes).toString('base64') } : { text }) }
}

function textOf(parcel: Parcel): string | undefined {
  try {
    return parcel.text()
  } catch {
    return undefined
  }
}

export function tellException(thrown: unknown, { json, beside }: Manner, terminal: Terminal): number {
  const error = WaybillError.from(thrown)
  tellFailure(error, { json, ofCall: true, ...(beside && { beside }) }, terminal)
  return error.code === 'BadAddress' ? Exit.usage : Exit.failed
}
