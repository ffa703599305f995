/**
 * The binary form of the envelope: one whole frame. Where a frame holds symbols, `Names` says what they stand for; written here, every name
 * stands inline, so that the bytes mean the same everywhere. This is the path of documents, tests and doors; calls between clients and the
 * router write and read their frames in place.
 */
import { bodyBytes, defaultLimits, parseBody, prepareBody } from '../body/lean.js'
import { nestsDeeper } from '../body/nesting.js'
import { WaybillError } from '../errors/index.js'
import { serialBytes, serialText } from '../call/index.js'
import { executedFlag, executedOf, Flag, FrameType, Tag } from '../frame/index.js'
import { extensionField, findField, findText, joinFields, Slab, writeRawFrame, type FrameReader } from '../wire/index.js'
import { checkAddress, parseAddress, printAddress, quoted } from '../address/index.js'
import { ENVELOPE_VERSION, type Envelope, type EnvelopeContent } from './envelope.js'
import { contentFromJson, isKnown, timeFromJson } from './json.js'

/** What symbols stand for, on the link that the frame came from. */
export interface Names {
  address(symbol: number): string | undefined
  method(symbol: number): string | undefined
  client(symbol: number): string | undefined
  /** The UUID of a call number of a client. */
  sn(source: number, call: number): string | undefined
}

/** Every frame is copied out of it at once. */
const slab = new Slab()
const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

export function envelopeToFrame(envelope: Envelope): Uint8Array {
  const { type, flags, encoding, body, fields } = contentToFrame(envelope)
  const [sender, destination] = envelope.routing
  const { replyto, timestamp, data, unknown } = envelope
  const extension = [
    extensionField(Tag.sn, serialBytes(envelope.sn)),
    extensionField(Tag.destination, envelope.kind === 'request' ? requestAddress(destination, envelope.request.classname) : destination),
    ...(sender === null ? [] : [extensionField(Tag.sender, sender)]),
    ...(replyto === undefined ? [] : [extensionField(Tag.replyto, replyto)]),
    ...(timestamp === undefined ? [] : [extensionField(Tag.timestamp, timestamp)]),
    ...(data === undefined ? [] : [jsonField(Tag.data, data)]),
    ...(unknown === undefined ? [] : [jsonField(Tag.unknown, unknown)]),
    ...fields,
  ]
  const silent = envelope.kind === 'request' && replyto === undefined ? Flag.noReply : 0
  const start = writeRawFrame(slab, { type, flags: flags | silent, ttlMs: envelope.ttl ?? 0 }, joinFields(extension), encoding, body)
  return slab.bytes.slice(start, slab.at)
}

/**
 * A destination that names the class itself (with a range or labels) is a service; any other is a client that offers the class, as
 * in row 004-1 of docs/rows.md.
 */
function requestAddress(destination: string, classname: string): string {
  const address = parseAddress(destination)
  if (address.service === classname) return printAddress(address)
  if (address.client !== undefined)
    throw new WaybillError('BadAddress', `the destination means ${address.service}, the request ${quoted(classname)}`)
  const { service, ...rest } = address
  return printAddress(checkAddress({ ...rest, client: service, service: classname }))
}

interface Content {
  readonly type: number
  readonly flags: number
  readonly encoding: number
  readonly body: Uint8Array
  readonly fields: readonly Uint8Array[]
}

function contentToFrame(content: EnvelopeContent): Content {
  const frame = (type: number, value: unknown, flags = 0, fields: readonly Uint8Array[] = []): Content => {
    const prepared = prepareBody(value)
    return { type, flags, encoding: prepared.encoding, body: bodyBytes(prepared), fields }
  }
  switch (content.kind) {
    case 'request': {
      const { method, args, kws, cntr } = content.request
      return frame(FrameType.call, args, 0, [
        extensionField(Tag.method, method),
        ...(kws === undefined ? [] : [jsonField(Tag.kws, kws)]),
        ...(cntr === undefined ? [] : [jsonField(Tag.cntr, cntr)]),
      ])
    }
    case 'accepted':
      return frame(FrameType.accepted, undefined)
    case 'started':
      return frame(FrameType.started, undefined)
    case 'progress':
      return frame(FrameType.progress, pick(content, ['total', 'completed', 'details']))
    case 'rejected':
      return frame(FrameType.rejected, pick(content, ['code', 'description', 'details']))
    case 'result':
      return frame(FrameType.result, content.retval)
    case 'exception': {
      const { executed, ...exception } = content.exception
      return frame(FrameType.exception, exception, executed === undefined ? 0 : executedFlag(executed))
    }
    case 'cancel':
      return frame(FrameType.cancel, content.reason)
  }
}

/** The envelope of the reader's current frame. Throws `ProtocolViolation` for a frame that is none, or that goes on in chunks. */
export function envelopeFromFrame(frame: FrameReader, names: Names): Envelope {
  if ((frame.flags & Flag.more) !== 0) throw violation('the body goes on in chunks; join them first')
  const sn = findField(frame, Tag.sn)
  const destination = findText(frame, Tag.destination)
  const toCallee = frame.type === FrameType.call || frame.type === FrameType.cancel
  const owner = toCallee ? frame.source : frame.destination
  const sender = findText(frame, Tag.sender) ?? (frame.source === 0 ? null : names.client(frame.source))
  const route = destination ?? (toCallee ? names.address(frame.destination) : names.client(frame.destination))
  const serial = sn === undefined ? names.sn(owner, frame.call) : serialText(sn)
  if (sender === undefined || route === undefined || serial === undefined) throw violation('a symbol stands for nothing')
  const replyto = findText(frame, Tag.replyto) ?? (frame.type === FrameType.call && (frame.flags & Flag.noReply) === 0 ? sender : undefined)
  const timestamp = findText(frame, Tag.timestamp)
  const data = findJson(frame, Tag.data)
  const content = contentFromFrame(frame, route, names)
  const unknown = unknownOf(frame, content.kind)
  return {
    sn: serial,
    version: ENVELOPE_VERSION,
    routing: [sender, route],
    ...(replyto !== undefined && replyto !== null && { replyto }),
    ...(timestamp !== undefined && { timestamp: timeFromJson(timestamp) }),
    ...(data !== undefined && { data }),
    ...(frame.ttlMs !== 0 && { ttl: frame.ttlMs }),
    ...(unknown !== undefined && { unknown }),
    ...content,
  }
}

/** Field by field, as from JSON: a body must not say anything that the header says. */
function contentFromFrame(frame: FrameReader, route: string, names: Names): EnvelopeContent {
  const value = parseBody(frame.encoding, frame.body())
  switch (frame.type) {
    case FrameType.call: {
      const method = findText(frame, Tag.method) ?? names.method(frame.method)
      if (method === undefined) throw violation('a method symbol stands for nothing')
      const request = {
        classname: parseAddress(route).service,
        method,
        args: value,
        kws: findJson(frame, Tag.kws),
        cntr: findJson(frame, Tag.cntr),
      }
      return contentFromJson({ request })
    }
    case FrameType.accepted:
      return { kind: 'accepted' }
    case FrameType.started:
      return { kind: 'started' }
    case FrameType.progress:
      return contentFromJson({ ...pick(value, ['total', 'completed', 'details']), status: 'progress' })
    case FrameType.rejected:
      return contentFromJson({ ...pick(value, ['code', 'description', 'details']), status: 'rejected' })
    case FrameType.result:
      return { kind: 'result', retval: value }
    case FrameType.exception: {
      const said = (frame.flags & Flag.executedMask) !== 0
      const { exval = '', executed: _, ...fields } = object(value)
      return contentFromJson({ result: { ...fields, exval, ...(said && { executed: executedOf(frame.flags) }) } })
    }
    case FrameType.cancel:
      return { kind: 'cancel', ...(typeof value === 'string' && { reason: value }) }
    default:
      throw violation(`frame type ${frame.type} carries no envelope`)
  }
}

/** Throws where one of them would pass for a field that means something. */
function unknownOf(frame: FrameReader, kind: EnvelopeContent['kind']): Readonly<Record<string, unknown>> | undefined {
  const json = findJson(frame, Tag.unknown)
  if (json === undefined) return undefined
  const unknown = object(json)
  const fields = Object.keys(unknown)
  if (fields.length === 0) return undefined
  const known = fields.find((field) => isKnown(field, kind))
  if (known !== undefined) throw violation(`the field ${known} is not unknown`)
  return unknown
}

function object(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw violation('the body is not an object')
  return value as Record<string, unknown>
}

function pick(value: unknown, keys: readonly string[]): Record<string, unknown> {
  const from = object(value)
  return Object.fromEntries(keys.filter((key) => Object.hasOwn(from, key) && from[key] !== undefined).map((key) => [key, from[key]]))
}

function jsonField(tag: number, value: unknown): Uint8Array {
  return extensionField(tag, encoder.encode(JSON.stringify(value)))
}

function findJson(frame: FrameReader, tag: number): unknown {
  const field = findField(frame, tag)
  if (field === undefined) return undefined
  const { maxDepth } = defaultLimits
  if (nestsDeeper(field, 0, field.byteLength, maxDepth)) {
    throw new WaybillError('TooLarge', `the extension field ${tag} nests deeper than ${maxDepth}`, {
      executed: 'no',
      details: { limit: maxDepth },
    })
  }
  try {
    return JSON.parse(decoder.decode(field))
  } catch {
    throw violation(`the extension field ${tag} is not JSON`)
  }
}

function violation(message: string): WaybillError {
  return new WaybillError('ProtocolViolation', message, { executed: 'no' })
}
