/** Owns what verbs are given: addresses, arguments, objects, times, topics, read from text. Pure; throws `UsageError`. */
import {
  checkAddress,
  checkPattern,
  checkTopic,
  durationMs,
  isReserved,
  parseAddress,
  printAddress,
  WaybillError,
  type Duration,
} from '@waybill/core'
import { UsageError } from './exits.js'

export interface Target {
  readonly address: string
  readonly method: string
}

const EXAMPLE = 'write Service.method, such as Dog.bark, Dog@^1.bark or waybill.Router.info'

/** What narrows an address. */
export interface Narrowing {
  readonly on?: string
  readonly version?: string
  /** Each `label=value`. */
  readonly where?: readonly string[]
}

/** The last dot stands between service and method: `Dog@^1.2.bark`. The options narrow the address. */
export function readTarget(text: string, options: Narrowing): Target {
  const dot = text.lastIndexOf('.')
  if (dot < 1) throw new UsageError(`${JSON.stringify(text)} names no method: ${EXAMPLE}`)
  const method = text.slice(dot + 1)
  if (!/^[\p{L}_$][\p{L}\d_$]*$/u.test(method)) throw new UsageError(`${JSON.stringify(method)} is not the name of a method: ${EXAMPLE}`)
  if (isReserved(method)) throw new UsageError(`a method of the name ${method} can never be called from elsewhere`)
  return wellFormed(() => {
    const { on, version, where = [] } = options
    const parsed = parseAddress(text.slice(0, dot))
    const labels = { ...parsed.where, ...Object.fromEntries(where.map(readLabel)) }
    return {
      method,
      address: printAddress(
        checkAddress({
          ...parsed,
          ...(on !== undefined && { client: on }),
          ...(version !== undefined && { range: version }),
          ...(Object.keys(labels).length > 0 && { where: labels }),
        }),
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

/** A JSON object. `example` is how it could look. */
export function readObject(text: string, option: string, example: string): Readonly<Record<string, unknown>> {
  const value = parsed(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new UsageError(`${option}: ${JSON.stringify(text)} is not a JSON object, such as '${example}'`)
  return value as Record<string, unknown>
}

/** A JSON list. */
export function readList(text: string, option: string, example: string): readonly unknown[] {
  const value = parsed(text)
  if (!Array.isArray(value)) throw new UsageError(`${option}: ${JSON.stringify(text)} is not a JSON list, such as '${example}'`)
  return value
}

/** The serial number of a receipt, in its one form. */
export function readSerialNumber(text: string): string {
  if (/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) return text.toLowerCase()
  throw new UsageError(`${JSON.stringify(text)} is not the serial number of a receipt: see \`waybill receipts\``)
}

export function readTopic(text: string): string {
  return wellFormed(() => checkTopic(text))
}

export function readPattern(text: string): string {
  return wellFormed(() => checkPattern(text))
}

/** `30s`, `500ms`, or milliseconds. */
export function readDuration(text: string, option: string): number {
  return wellFormed(() => durationMs(/^\d+$/.test(text) ? Number(text) : (text as Duration), option))
}

function readLabel(text: string): readonly [label: string, value: string] {
  const at = text.indexOf('=')
  if (at < 1) throw new UsageError(`--where: ${JSON.stringify(text)} is not label=value, such as region=eu`)
  return [text.slice(0, at), text.slice(at + 1)]
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
