/** Owns what `waybill call` is given: its target, arguments and times, read from text. Pure; throws `UsageError`. */
import { checkAddress, durationMs, isReserved, parseAddress, printAddress, WaybillError, type Duration } from '@waybill/core'
import { UsageError } from './exits.js'

export interface Target {
  readonly address: string
  readonly method: string
}

const EXAMPLE = 'write Service.method, such as Dog.bark, Dog@^1.bark or waybill.Router.info'

/** The last dot stands between service and method: `Dog@^1.2.bark`. The options narrow the address. */
export function readTarget(text: string, options: { readonly on?: string; readonly version?: string }): Target {
  const dot = text.lastIndexOf('.')
  if (dot < 1) throw new UsageError(`${JSON.stringify(text)} names no method: ${EXAMPLE}`)
  const method = text.slice(dot + 1)
  if (!/^[\p{L}_$][\p{L}\d_$]*$/u.test(method)) throw new UsageError(`${JSON.stringify(method)} is not the name of a method: ${EXAMPLE}`)
  if (isReserved(method)) throw new UsageError(`a method of the name ${method} can never be called from elsewhere`)
  return wellFormed(() => {
    const { on, version } = options
    const parsed = parseAddress(text.slice(0, dot))
    return {
      method,
      address: printAddress(
        checkAddress({ ...parsed, ...(on !== undefined && { client: on }), ...(version !== undefined && { range: version }) }),
      ),
    }
  })
}

/** An address in its one form. */
export function readAddress(text: string): string {
  return wellFormed(() => printAddress(parseAddress(text)))
}

/** JSON where it parses as JSON, else text. A whole number that JavaScript would round is refused: it is most likely an identifier. */
export function readArgument(text: string): unknown {
  const value = parsed(text)
  if (value === undefined) return text
  if (typeof value === 'number' && /^-?\d+$/.test(text) && !Number.isSafeInteger(value)) {
    throw new UsageError(`${text} is too large for a number and would be rounded: give it as text, '"${text}"'`)
  }
  return value
}

export function readData(text: string): unknown {
  const value = parsed(text)
  if (value === undefined) throw new UsageError(`--data: ${JSON.stringify(text)} is not JSON, such as '{"trace":"t1"}'`)
  return value
}

/** `30s`, `500ms`, or milliseconds. */
export function readDuration(text: string, option: string): number {
  return wellFormed(() => durationMs(/^\d+$/.test(text) ? Number(text) : (text as Duration), option))
}

/** `undefined` where it is not JSON, which has no undefined. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

function wellFormed<R>(read: () => R): R {
  try {
    return read()
  } catch (thrown) {
    if (thrown instanceof WaybillError && thrown.code === 'BadAddress') throw new UsageError(thrown.message)
    throw thrown
  }
}
