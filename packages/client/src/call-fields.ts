/**
 * The extension fields of a call: what its options say beside the header, and what belongs to this one call. Owns how they are written; what they
 * mean is the router's and the callee's.
 */
import { extensionField, joinFields, MAX_TRACE_CHARACTERS, Policy, quoted, serialBytes, Tag, WaybillError, writeU32 } from '@waybill/core'
import type { CallSpan, RemoteOptions, TraceContext } from '@waybill/core'

/** The call during which another one is made, as its callee knows it. */
export interface Within {
  readonly source: number
  readonly number: number
}

/** The fields that every call with these options has. Throws `BadAddress`, `NotRepresentable` or `TooLarge`. */
export function optionFields(options: RemoteOptions, waitMs: number | undefined, replyto: string | undefined): readonly Uint8Array[] {
  const { key, sticky, orderKey, policy, named, construct } = options
  const fields: Uint8Array[] = []
  if (waitMs !== undefined) fields.push(extensionField(Tag.wait, u32(waitMs)))
  if (key !== undefined) fields.push(extensionField(Tag.key, checkedKey(key, 'key')))
  if (sticky !== undefined) fields.push(extensionField(Tag.sticky, checkedKey(sticky, 'sticky')))
  if (orderKey !== undefined) fields.push(extensionField(Tag.orderKey, checkedKey(orderKey, 'orderKey')))
  if (policy !== undefined) fields.push(extensionField(Tag.policy, new Uint8Array([policyNumber(policy)])))
  if (named !== undefined) fields.push(jsonField(Tag.kws, named, 'named'))
  if (construct !== undefined) fields.push(jsonField(Tag.cntr, [construct, {}], 'construct'))
  if (replyto !== undefined) fields.push(extensionField(Tag.replyto, replyto))
  return fields
}

/** All the fields of one call: those of its options, and its own; undefined for none. Throws `NotRepresentable` or `TooLarge`. */
export function fieldsOf(
  { fields, data }: { readonly fields: readonly Uint8Array[]; readonly data?: unknown },
  { sn, within, span }: { readonly sn: string | undefined; readonly within: Within | undefined; readonly span: CallSpan | undefined },
): Uint8Array | undefined {
  if (sn === undefined && data === undefined && within === undefined && span === undefined) return joined(fields)
  return joined([
    ...fields,
    ...(sn === undefined ? [] : [snField(sn)]),
    ...(data === undefined ? [] : [jsonField(Tag.data, data, 'data')]),
    ...(within === undefined ? [] : [withinField(within)]),
    ...traceField(span?.context),
  ])
}

function traceField(context: TraceContext | undefined): readonly Uint8Array[] {
  return context === undefined || context.length > MAX_TRACE_CHARACTERS ? [] : [extensionField(Tag.trace, context)]
}

export function snField(sn: string): Uint8Array {
  return extensionField(Tag.sn, serialBytes(sn))
}

function withinField({ source, number }: Within): Uint8Array {
  const content = new Uint8Array(8)
  writeU32(content, 0, source)
  writeU32(content, 4, number)
  return extensionField(Tag.within, content)
}

/** Room for names beside them in an extension. */
const MAX_FIELDS_BYTES = 60_000

/** All of them, or undefined for none. Throws `TooLarge`. */
function joined(fields: readonly Uint8Array[]): Uint8Array | undefined {
  if (fields.length === 0) return undefined
  const size = fields.reduce((sum, field) => sum + field.byteLength, 0)
  if (size <= MAX_FIELDS_BYTES) return fields.length === 1 ? fields[0] : joinFields(fields)
  throw new WaybillError(
    'TooLarge',
    `what travels beside the arguments has ${size} bytes, more than ${MAX_FIELDS_BYTES}; send it as an argument`,
    {
      executed: 'no',
      details: { limit: MAX_FIELDS_BYTES, size },
    },
  )
}

/** The names in front of the other fields, for a call whose symbols are not known. */
export function withNames(address: string, method: string, fields: Uint8Array | undefined): Uint8Array {
  const names = [...(address === '' ? [] : [extensionField(Tag.destination, address)]), extensionField(Tag.method, method)]
  return joinFields(fields === undefined ? names : [...names, fields])
}

function jsonField(tag: number, value: unknown, what: string): Uint8Array {
  let text: string | undefined
  try {
    text = JSON.stringify(value, asItIs)
  } catch (thrown) {
    throw notJson(what, thrown)
  }
  if (text === undefined) throw notJson(what)
  if (text.length <= MAX_FIELDS_BYTES) return joined([extensionField(tag, text)])!
  throw new WaybillError(
    'TooLarge',
    `${what} of ${text.length} characters is over the limit of ${MAX_FIELDS_BYTES}; send it as an argument`,
    {
      executed: 'no',
      details: { limit: MAX_FIELDS_BYTES, size: text.length },
    },
  )
}

function notJson(what: string, thrown?: unknown): WaybillError {
  const why = thrown instanceof Error ? `: ${thrown.message}` : ''
  return new WaybillError('NotRepresentable', `${what} is not plain JSON${why}`, { executed: 'no', cause: thrown })
}

/** What JSON would change in silence, such as a Date or a Map, is refused. A property that is undefined is as good as none. */
function asItIs(this: unknown, name: string, written: unknown): unknown {
  const value = (this as Readonly<Record<string, unknown>>)[name]
  if (isJson(value) || (value === undefined && !Array.isArray(this))) return written
  throw new TypeError(`JSON cannot say ${name === '' ? 'it' : quoted(name)}`)
}

function isJson(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value !== 'object' || value === null) return typeof value === 'string' || typeof value === 'boolean' || value === null
  const prototype: unknown = Object.getPrototypeOf(value)
  return Array.isArray(value) || prototype === null || Object.getPrototypeOf(prototype) === null
}

const MAX_KEY_CHARACTERS = 256

function checkedKey(key: string, option: string): string {
  if (typeof key === 'string' && key.length > 0 && key.length <= MAX_KEY_CHARACTERS) return key
  throw new WaybillError('BadAddress', `${option} is a text of 1 to ${MAX_KEY_CHARACTERS} characters`)
}

function policyNumber(policy: string): number {
  if (policy === 'leastBusy' || policy === 'roundRobin') return Policy[policy]
  throw new WaybillError('BadAddress', `policy: ${JSON.stringify(policy)} is neither leastBusy nor roundRobin`)
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  writeU32(bytes, 0, Math.max(1, Math.min(Math.ceil(value), 2 ** 32 - 1)))
  return bytes
}
