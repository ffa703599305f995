/** What a call says beside its header: the fields of its extension, read in one pass and only where there are any. Decides nothing. */
import {
  serialText,
  eachField,
  encodings,
  extensionField,
  MAX_TRACE_CHARACTERS,
  parseBody,
  readText,
  Tag,
  WaybillError,
} from '@waybill/core'
import type { BodyLimits, FrameReader } from '@waybill/core'

/** What the object that answers is to be made with. */
export interface Construct {
  /** The named ones, if any, are the last. */
  readonly args: readonly unknown[]
  /** The same for the same arguments. */
  readonly key: string
}

export interface CallFields {
  method?: string
  data?: unknown
  /** The same as it arrived, to be returned with every status and the outcome. */
  dataField?: Uint8Array
  sn?: string
  parent?: string
  lease?: string
  /** Service and key: calls with the same one run one after the other. */
  orderKey?: string
  sticky?: string
  /** Where the caller's span stands. */
  trace?: string
  construct?: Construct
  /** Absent where there are none, also where an empty object stands for that. */
  named?: Readonly<Record<string, unknown>>
}

/** Undefined without an extension. Throws `ProtocolViolation`, `TooLarge` or `BadArguments`. */
export function readFields(frame: FrameReader, limits: BodyLimits): CallFields | undefined {
  if (frame.extensionBytes === 0) return undefined
  const { bytes } = frame
  const fields: CallFields = {}
  const json = (start: number, end: number): unknown => parseBody(encodings.json, bytes.subarray(start, end), limits)
  eachField(frame, (tag, start, end) => {
    switch (tag) {
      case Tag.method:
        fields.method = readText(bytes, start, end)
        return
      case Tag.data:
        fields.dataField = extensionField(Tag.data, bytes.subarray(start, end))
        fields.data = json(start, end)
        return
      case Tag.sn:
        fields.sn = serialText(bytes.subarray(start, end))
        return
      case Tag.parent:
        fields.parent = serialText(bytes.subarray(start, end))
        return
      case Tag.lease:
        fields.lease = serialText(bytes.subarray(start, end))
        return
      case Tag.orderKey:
        fields.orderKey = readText(bytes, start, end)
        return
      case Tag.sticky:
        fields.sticky = readText(bytes, start, end)
        return
      case Tag.trace:
        if (end - start <= MAX_TRACE_CHARACTERS) fields.trace = readText(bytes, start, end)
        return
      case Tag.kws:
        setNamed(fields, json(start, end))
        return
      case Tag.cntr:
        setConstruct(fields, constructOf(json(start, end)))
    }
  })
  return fields
}

function setConstruct(fields: CallFields, construct: Construct | undefined): void {
  if (construct !== undefined) fields.construct = construct
}

function setNamed(fields: CallFields, named: unknown): void {
  if (!isNamed(named)) throw new WaybillError('BadArguments', 'the named arguments are not an object')
  if (Object.keys(named).length > 0) fields.named = named
}

/** Null stands for none. */
function constructOf(value: unknown): Construct | undefined {
  if (value === null) return undefined
  const [args, named] = Array.isArray(value) && value.length === 2 ? (value as unknown[]) : []
  if (!Array.isArray(args) || !isNamed(named)) {
    throw new WaybillError('BadArguments', 'the arguments of the constructor are not a list and an object')
  }
  return { args: Object.keys(named).length > 0 ? [...(args as unknown[]), named] : (args as unknown[]), key: JSON.stringify(value) }
}

function isNamed(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
