/**
 * The JSON form of the envelope, field by field as row 004-1 of docs/rows.md has it: `request`, `status` or `result` says what it is. Parsed once, here;
 * past this point an envelope is a typed value.
 */
import { WaybillError, type Executed } from '../errors/index.js'
import { ENVELOPE_VERSION, type Envelope, type EnvelopeContent, type ExceptionContent, type RequestContent } from './envelope.js'

export type JsonObject = Record<string, unknown>

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const ISO_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z$/
const MAX_TTL_MS = 0xffffffff

const HEAD_FIELDS = ['sn', 'version', 'routing', 'replyto', 'timestamp', 'data', 'ttl']
/** Exactly one of them says what an envelope is. */
const CONTENTS = ['request', 'status', 'result', 'cancel']
const CONTENT_FIELDS: Readonly<Record<EnvelopeContent['kind'], readonly string[]>> = {
  request: ['request'],
  accepted: ['status'],
  started: ['status'],
  progress: ['status', 'total', 'completed', 'details'],
  rejected: ['status', 'code', 'description', 'details'],
  result: ['result'],
  exception: ['result'],
  cancel: ['cancel'],
}

export function envelopeToJson(envelope: Envelope): JsonObject {
  return {
    ...envelope.unknown,
    sn: envelope.sn,
    version: envelope.version,
    routing: [...envelope.routing],
    ...present({ replyto: envelope.replyto, timestamp: envelope.timestamp, data: envelope.data, ttl: envelope.ttl }),
    ...contentToJson(envelope),
  }
}

function contentToJson(content: EnvelopeContent): JsonObject {
  switch (content.kind) {
    case 'request':
      return { request: present({ ...content.request }) }
    case 'accepted':
    case 'started':
      return { status: content.kind }
    case 'progress':
      return present({ status: 'progress', total: content.total, completed: content.completed, details: content.details })
    case 'rejected':
      return present({ status: 'rejected', code: content.code, description: content.description, details: content.details })
    case 'result':
      return { result: present({ retval: content.retval }) }
    case 'exception':
      return { result: present({ ...content.exception }) }
    case 'cancel':
      return { cancel: present({ reason: content.reason }) }
  }
}

/** Throws `ProtocolViolation` that names the field. */
export function envelopeFromJson(json: unknown): Envelope {
  const fields = object(json, 'envelope')
  const sn = text(fields.sn, 'sn').toLowerCase()
  if (!UUID.test(sn)) throw wrong('sn', 'a UUID')
  const version = text(fields.version, 'version')
  if (version !== ENVELOPE_VERSION) {
    throw new WaybillError('Incompatible', `the envelope's version is ${version}, this side speaks ${ENVELOPE_VERSION}`, {
      details: { expected: ENVELOPE_VERSION, found: version },
    })
  }
  const { routing, replyto, timestamp, data, ttl } = fields
  if (!Array.isArray(routing) || routing.length !== 2) throw wrong('routing', '[sender, destination]')
  const content = contentFromJson(fields)
  const unknown = Object.entries(fields).filter(([name]) => !isKnown(name, content.kind))
  return {
    sn,
    version,
    routing: [routing[0] === null ? null : text(routing[0], 'routing[0]'), text(routing[1], 'routing[1]')],
    ...(replyto !== undefined && replyto !== null && { replyto: text(replyto, 'replyto') }),
    ...(timestamp !== undefined && { timestamp: timeFromJson(timestamp) }),
    ...(data !== undefined && { data }),
    ...(ttl !== undefined && { ttl: whole(ttl, 'ttl', MAX_TTL_MS) }),
    ...(unknown.length > 0 && { unknown: fromEntries(unknown) }),
    ...content,
  }
}

/** Whether this version gives the field a meaning in an envelope of this kind, so that nothing else may travel under its name. */
export function isKnown(field: string, kind: EnvelopeContent['kind']): boolean {
  return HEAD_FIELDS.includes(field) || CONTENTS.includes(field) || CONTENT_FIELDS[kind].includes(field)
}

export function timeFromJson(timestamp: unknown): string {
  const time = text(timestamp, 'timestamp')
  if (!ISO_TIME.test(time)) throw wrong('timestamp', 'a UTC time such as 2026-01-31T12:00:00Z')
  return time
}

/** What an envelope says, from exactly the fields that say it: whatever else the object holds is left out. Throws `ProtocolViolation`. */
export function contentFromJson(fields: JsonObject): EnvelopeContent {
  const { request, status, result, cancel } = fields
  const given = [request, status, result, cancel].filter((part) => part !== undefined).length
  if (given !== 1) throw wrong('content', 'exactly one of request, status, result and cancel')
  if (request !== undefined) return { kind: 'request', request: requestFromJson(object(request, 'request')) }
  if (result !== undefined) return resultFromJson(object(result, 'result'))
  if (cancel !== undefined) {
    const { reason } = object(cancel, 'cancel')
    return { kind: 'cancel', ...(reason !== undefined && { reason: text(reason, 'cancel.reason') }) }
  }
  const { details } = fields
  switch (status) {
    case 'accepted':
    case 'started':
      return { kind: status }
    case 'progress':
      return {
        kind: 'progress',
        total: number(fields.total, 'total'),
        completed: number(fields.completed, 'completed'),
        ...(details !== undefined && { details }),
      }
    case 'rejected':
      return {
        kind: 'rejected',
        code: text(fields.code, 'code'),
        description: text(fields.description, 'description'),
        ...(details !== undefined && { details }),
      }
    default:
      throw wrong('status', 'accepted, started, progress or rejected')
  }
}

function requestFromJson(request: JsonObject): RequestContent {
  const { classname, method, args, kws, cntr } = request
  return {
    classname: text(classname, 'request.classname'),
    method: text(method, 'request.method'),
    args: args === undefined ? [] : list(args, 'request.args'),
    ...(kws !== undefined && kws !== null && { kws: object(kws, 'request.kws') }),
    ...(cntr !== undefined && { cntr: constructorFromJson(cntr) }),
  }
}

function constructorFromJson(cntr: unknown): (RequestContent['cntr'] & {}) | null {
  if (cntr === null) return null
  const [args, kws, ...rest] = list(cntr, 'request.cntr')
  if (rest.length > 0) throw wrong('request.cntr', '[[…], {…}]')
  return [list(args, 'request.cntr[0]'), object(kws, 'request.cntr[1]')]
}

function resultFromJson(result: JsonObject): EnvelopeContent {
  if (!Object.hasOwn(result, 'exval')) return { kind: 'result', retval: result.retval }
  const { exval, xclass, xmodule, xstate, xargs, code, incident, executed } = result
  const exception: ExceptionContent = {
    // Fields of the exception that this version does not know stay with it.
    ...fromEntries(Object.entries(result)),
    exval: text(exval, 'result.exval'),
    ...(xclass !== undefined && { xclass: text(xclass, 'result.xclass') }),
    ...(xmodule !== undefined && { xmodule: text(xmodule, 'result.xmodule') }),
    ...(xstate !== undefined && { xstate: object(xstate, 'result.xstate') }),
    ...(xargs !== undefined && { xargs: list(xargs, 'result.xargs') }),
    ...(code !== undefined && { code: text(code, 'result.code') }),
    ...(incident !== undefined && { incident: text(incident, 'result.incident') }),
    ...(executed !== undefined && { executed: executedFromJson(executed) }),
  }
  return { kind: 'exception', exception }
}

function executedFromJson(executed: unknown): Executed {
  if (executed !== 'no' && executed !== 'maybe' && executed !== 'yes') throw wrong('result.executed', 'no, maybe or yes')
  return executed
}

function present(fields: JsonObject): JsonObject {
  return fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

/** Own properties whatever their names: `__proto__` is a key like any other. */
function fromEntries(entries: readonly (readonly [string, unknown])[]): JsonObject {
  return Object.fromEntries(entries)
}

function wrong(field: string, expected: string): WaybillError {
  return new WaybillError('ProtocolViolation', `the envelope's ${field} is not ${expected}`, { executed: 'no', details: { field } })
}

function object(value: unknown, field: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(field, 'an object')
  return value as JsonObject
}

function list(value: unknown, field: string): readonly unknown[] {
  if (!Array.isArray(value)) throw wrong(field, 'a list')
  return value
}

function text(value: unknown, field: string): string {
  if (typeof value !== 'string') throw wrong(field, 'a string')
  return value
}

function number(value: unknown, field: string): number {
  if (typeof value !== 'number') throw wrong(field, 'a number')
  return value
}

function whole(value: unknown, field: string, most: number): number {
  const given = number(value, field)
  if (!Number.isInteger(given) || given < 1 || given > most) throw wrong(field, `a whole number from 1 to ${most}`)
  return given
}
