/** PROTOCOL.md against the code: its tables are the code's constants, and its bytes are what the code writes and reads. */
import {
  bodyBytes,
  calleeHolder,
  calleeTable,
  callerHolder,
  callerTable,
  clientSession,
  codes,
  defaultLimits as bodyLimits,
  encodings,
  envelopeFromFrame,
  envelopeFromJson,
  envelopeToFrame,
  envelopeToJson,
  executed,
  extensionField,
  findField,
  findText,
  Flag,
  Framer,
  FrameReader,
  FrameType,
  HEADER_BYTES,
  joinFields,
  MAGIC,
  MAX_INTRODUCTION_BYTES,
  numberPacket,
  Offset,
  PACKET_HEADER_BYTES,
  packetNumbers,
  parseBody,
  prepareBody,
  PROTOCOL_VERSION,
  readConnected,
  readIntroduction,
  readSerialNumber,
  routerHolder,
  routerSession,
  routerTable,
  segmentedBit,
  serialNumber,
  streamConstants,
  Slab,
  Tag,
  writeOpening,
  writeRawFrame,
  type Names,
  type ReceiptState,
} from '@waybill/core'
import { defaultLimits } from '@waybill/server'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { routerMethods } from '../packages/server/src/api/router-api.js'
import { trpcApi } from '../packages/server/src/trpc/api.js'
import { deadReasonOf } from '../packages/server/src/receipt-states.js'
import { CloseCode } from '../packages/server/src/sessions.js'
import { failures, webhookLimits } from '../packages/server/src/webhooks/index.js'
import { WrittenSocket } from './fixtures/byte-socket.js'
import { Document, root } from './vectors/document.js'
import { bodies, envelopes, framed, frames, openings, packets, type FrameVector } from './vectors/vectors.js'

const protocol = new Document('PROTOCOL.md')
const source = (path: string): string => readFileSync(new URL(path, root), 'utf8')
const checked = new Set<string>()

/** Columns of a table, as objects. */
function table(marker: string, ...columns: readonly string[]): readonly Record<string, string>[] {
  checked.add(marker)
  return protocol.table(marker).map((row) => Object.fromEntries(columns.map((column) => [column, row[column]!])))
}

function numbers(marker: string, name: string, value: string): Record<string, number> {
  return Object.fromEntries(table(marker, name, value).map((row) => [row[name], Number(row[value])]))
}

describe('numbers on the wire', () => {
  test('opening', () => {
    expect(numbers('opening constants', 'constant', 'value')).toEqual({
      magic: MAGIC,
      version: PROTOCOL_VERSION,
      'longest introduction in bytes': MAX_INTRODUCTION_BYTES,
    })
  })

  test('header', () => {
    const rows = table('header', 'field', 'offset', 'size')
    expect(numbers('header', 'field', 'offset')).toEqual(Offset)
    let end = 0
    for (const { offset, size } of rows) {
      expect(Number(offset)).toBe(end)
      end += Number(size)
    }
    expect(end).toBe(HEADER_BYTES)
  })

  test('packet header', () => {
    const rows = table('packet header', 'offset', 'size', 'field')
    expect(rows.map(({ field, offset }) => [field, Number(offset)])).toEqual([
      ['sequence', 0],
      ['acknowledged', 4],
    ])
    const packet = new Uint8Array(PACKET_HEADER_BYTES)
    numberPacket(packet, 0x01020304, 0x05060708)
    expect([...packet]).toEqual([4, 3, 2, 1, 8, 7, 6, 5])
    expect(rows.reduce((sum, { size }) => sum + Number(size), 0)).toBe(PACKET_HEADER_BYTES)
  })

  test('types', () => {
    expect(numbers('types', 'type', 'number')).toEqual(FrameType)
  })

  test('no type stands in a reserved range, and the code reserves the same', () => {
    const comment = /Reserved: (0x[\s\S]*?)\n\} as const/
      .exec(source('packages/core/src/frame/types.ts'))![1]!
      .replaceAll(/\s*\n\s*\/\/ /g, ' ')
    const rows = table('reserved types', 'numbers', 'for')
    for (const { numbers: range, for: purpose } of rows) {
      const [least, most] = range!.split('–').map(Number) as [number, number]
      for (const type of Object.values(FrameType)) expect(type < least || type > most, `${type}`).toBe(true)
      const [word] = purpose!.split(':')
      expect(comment).toContain(`${range} ${word}`)
    }
    expect(comment.match(/0x\w+–/g)).toHaveLength(rows.length)
  })

  test('flags', () => {
    expect(numbers('flags', 'flag', 'bits')).toEqual(Flag)
  })

  test('tags', () => {
    expect(numbers('tags', 'tag', 'number')).toEqual(Tag)
    const inCode = /\/\/ Reserved, each for a later feature: ([\s\S]*?)\.\n/.exec(source('packages/core/src/frame/types.ts'))![1]!
    const inText = /^Reserved tags: ([\s\S]*?)\.\n/m.exec(protocol.text)![1]!
    const tagsOf = (text: string): number[] => Array.from(text.matchAll(/ (\d{2})(?=[,\s]|$)/g), (match) => Number(match[1]))
    expect(tagsOf(inText)).toEqual(tagsOf(inCode))
    expect(tagsOf(inText).length).toBeGreaterThan(5)
  })

  test('encodings', () => {
    expect(numbers('encodings', 'name', 'number')).toEqual({ ...encodings, segmentedBit })
  })

  test('kinds of segments', () => {
    const kinds = /const kinds = \[([\s\S]*?)\] as const/.exec(source('packages/core/src/body/kinds.ts'))![1]!
    const inCode = Array.from(kinds.matchAll(/'(\w+)'/g), (match) => match[1])
    expect(table('segment kinds', 'kind', 'what').map(({ kind, what }) => [Number(kind), what!.replace(', UTF-8', '')])).toEqual([
      ...inCode.entries(),
    ])
  })

  test('types of rich bodies', () => {
    const guard = source('packages/core/src/body/guard.ts')
    const inCode = Array.from(guard.matchAll(/case '(\w+)':/g), (match) => match[1])
    expect(table('rich types', 'type').map(({ type }) => type)).toEqual([...inCode, '["custom", "waybill"]'])
  })

  test('close codes', () => {
    expect(numbers('close codes', 'name', 'code')).toEqual(CloseCode)
  })

  test('serial numbers', () => {
    for (const { incarnation, counter, sn } of table('serial numbers', 'incarnation', 'counter', 'sn')) {
      expect(serialNumber(incarnation!, Number(counter))).toBe(sn)
      expect(readSerialNumber(sn!)).toEqual({ incarnation, counter: Number(counter) })
    }
  })
})

describe('openings', () => {
  const fieldsOf = (file: string, name: string): { field: string; required: string }[] => {
    const body = new RegExp(`export interface ${name} \\{\\n([\\s\\S]*?)\\n\\}`).exec(source(file))![1]!
    return Array.from(body.matchAll(/^ {2}readonly (\w+)(\??):/gm), ([, field, optional]) => ({
      field: field!,
      required: optional === '' ? 'yes' : 'no',
    }))
  }
  const file = 'packages/core/src/session/opening.ts'
  const byField = (left: { field?: string }, right: { field?: string }): number => (left.field! < right.field! ? -1 : 1)

  test('fields', () => {
    expect([...table('introduction', 'field', 'required')].sort(byField)).toEqual(fieldsOf(file, 'Introduction').sort(byField))
    expect(table('connected', 'field').map(({ field }) => field)).toEqual(fieldsOf(file, 'Connected').map(({ field }) => field))
    expect(table('connected limits', 'limit').map(({ limit }) => limit)).toEqual(fieldsOf(file, 'SessionLimits').map(({ field }) => field))
  })

  test.each(Object.entries(openings))('%s', (name, opening) => {
    const bytes = protocol.bytes(name)
    expect(hex(writeOpening(opening))).toBe(hex(bytes))
    if ('incarnation' in opening) expect(readIntroduction(bytes)).toEqual(opening)
    else if ('refused' in opening)
      expect(() => readConnected(bytes)).toThrow(expect.objectContaining({ code: opening.refused.code, message: opening.refused.message }))
    else expect(readConnected(bytes)).toEqual(opening)
  })
})

describe('states and events', () => {
  const tables = {
    caller: callerTable,
    router: routerTable,
    callee: calleeTable,
    'client session': clientSession,
    'router session': routerSession,
  }

  test.each(Object.entries(tables))('%s', (marker, inCode) => {
    checked.add(marker)
    const rows = protocol.table(marker)
    const states = Object.keys(inCode)
    const inText: Record<string, Record<string, string>> = Object.fromEntries(states.map((state) => [state, {}]))
    for (const { event, ...steps } of rows) {
      expect(Object.keys(steps)).toEqual(states)
      for (const [state, step] of Object.entries(steps)) inText[state]![event!] = step === '·' ? 'same' : step === '✗' ? 'wrong' : step
    }
    const same = Object.fromEntries(
      Object.entries(inCode).map(([state, steps]) => [
        state,
        Object.fromEntries(
          Object.entries(steps as Record<string, string>).map(([event, step]) => [
            event,
            step === 'stay' || step === state ? 'same' : step,
          ]),
        ),
      ]),
    )
    expect(inText).toEqual(same)
  })

  test('executed, by who last held the call', () => {
    const inCode = /export type Holder = (.*)/.exec(source('packages/core/src/call/executed.ts'))![1]!.match(/\w+/g)
    const rows = table('executed', 'who last held it', 'executed')
    expect(rows.map((row) => row['who last held it'])).toEqual(inCode)
    for (const row of rows) expect(executed(row['who last held it'] as 'caller')).toBe(row['executed'])
  })

  test('holders', () => {
    const holders = { caller: callerHolder, router: routerHolder, callee: calleeHolder } as Record<string, (state: never) => string>
    const states = { caller: callerTable, router: routerTable, callee: calleeTable }
    const seen: string[] = []
    for (const { side, state, holder } of table('holders', 'side', 'state', 'holder')) {
      for (const one of state!.split(' ')) {
        expect(holders[side!]!(one as never), `${side} ${one}`).toBe(holder)
        seen.push(`${side} ${one}`)
      }
    }
    expect(seen.sort()).toEqual(
      Object.entries(states)
        .flatMap(([side, of]) => Object.keys(of).map((state) => `${side} ${state}`))
        .sort(),
    )
  })
})

describe('limits, times, methods, errors', () => {
  test('streams', () => {
    expect(numbers('streams', 'constant', 'value')).toEqual(streamConstants)
  })

  test('limits', () => {
    expect(numbers('limits', 'limit', 'default')).toEqual(defaultLimits)
    expect(numbers('body limits', 'limit', 'default')).toEqual(bodyLimits)
  })

  test('times', () => {
    const constant = (path: string, name: string): number =>
      Number(new RegExp(`const ${name} = ([\\d_]+)`).exec(source(`packages/client/src/${path}`))![1]!.replaceAll('_', ''))
    expect(table('times', 'what', 'ms').map(({ ms }) => Number(ms))).toEqual([
      constant('client.ts', 'ATTEMPT_MS'),
      constant('client.ts', 'ACKNOWLEDGE_MS'),
      constant('running.ts', 'CANCEL_GRACE_MS'),
      constant('outgoing-call.ts', 'VERDICT_MS'),
      constant('outgoing.ts', 'CANCEL_VERDICT_MS'),
      constant('request.ts', 'IDLE_MS'),
      constant('request.ts', 'DEADLINE_MS'),
      24 * constant('request.ts', 'HOUR_MS'),
      constant('request.ts', 'SEND_TTL_MS'),
    ])
  })

  test("the procedures of the router's API over tRPC", () => {
    const inCode = Object.entries(trpcApi({ router: {} } as never)._def.procedures).map(([procedure, { _def }]) => ({
      procedure,
      kind: _def.type,
    }))
    expect(table('trpc procedures', 'procedure', 'kind')).toMatchObject(inCode)
    expect(table('trpc procedures', 'procedure', 'kind')).toHaveLength(inCode.length)
  })

  test("the router's methods", () => {
    const rows = table('router api', 'method', 'result')
    expect(rows.map(({ method }) => method)).toEqual([...routerMethods.keys()])
    const api = source('packages/server/src/api/router-api.ts')
    for (const [method, name] of Object.entries({
      info: 'RouterInfo',
      services: 'ServiceInfo',
      clients: 'ClientInfo',
      instances: 'InstanceInfo',
    })) {
      const inCode = Array.from(
        new RegExp(`interface ${name} \\{([\\s\\S]*?)\\n\\}`).exec(api)![1]!.matchAll(/readonly (\w+\??):/g),
        (match) => match[1],
      )
      const inText = /\{ (.*) \}/.exec(rows.find((row) => row['method'] === method)!['result']!)![1]!.split(', ')
      expect(inText.toSorted()).toEqual(inCode.toSorted())
    }
  })

  test('reasons of dead letters', () => {
    const rows = table('dead reasons', 'reason', 'state', 'code')
    const every = rows.flatMap(({ reason, state, code }) =>
      code!.split(', ').map((one) => ({ reason, found: deadReasonOf(state as ReceiptState, one) })),
    )
    expect(every.filter(({ reason, found }) => reason !== found)).toEqual([])
    // Every code that a refusal can have is one of the table.
    const refused = rows.filter(({ state }) => state === 'rejected').flatMap(({ code }) => code!.split(', '))
    expect(Object.keys(codes).filter((code) => deadReasonOf('rejected', code) !== 'rejected')).toEqual(
      Object.keys(codes).filter((code) => refused.includes(code)),
    )
  })

  test('webhooks', () => {
    expect(table('webhook failures', 'reason', 'code')).toEqual(Object.entries(failures).map(([reason, { code }]) => ({ reason, code })))
    const limits = table('webhook times', 'what', 'default').map((row) => [row['what']!.split(':')[0], Number(row['default'])])
    expect(Object.fromEntries(limits)).toEqual(webhookLimits)
  })

  test('errors', () => {
    const rows = table('errors', 'code', 'HTTP', 'retryable', 'executed', 'meaning')
    const inCode = Object.entries(codes).map(([code, row]) => ({
      code,
      HTTP: String(row.status),
      retryable: row.retryable ? 'yes' : 'no',
      executed: row.executed.join(', '),
      meaning: row.meaning,
    }))
    expect(rows).toEqual(inCode)
  })

  test('rules are numbered without a gap, and each stands in the text', () => {
    const [rules, text] = [protocol.text.split('\n## Rules\n')[1]!, protocol.text.split('\n## Rules\n')[0]!]
    const inList = Array.from(rules.matchAll(/^\| (P\d+) \|/gm), (match) => match[1])
    const inText = new Set(Array.from(text.matchAll(/\*\*(P\d+)\*\*/g), (match) => match[1]))
    expect(inList).toEqual(inList.map((_, index) => `P${index + 1}`))
    expect([...inText].sort()).toEqual([...inList].sort())
  })
})

describe('golden vectors', () => {
  const reader = new FrameReader(defaultLimits.maxFrameBytes)

  test.each(Object.entries(frames))('frame %s', (name, vector) => {
    const bytes = protocol.bytes(`frame-${name}`)
    reader.open(bytes, 0)
    expect(reader.next()).toBe(true)
    expectFrame(vector, reader)
    expect(reader.next()).toBe(false)
    expect(hex(frameBytes(vector))).toBe(hex(bytes))
  })

  test('every type of frame has one', () => {
    expect(new Set(Object.values(frames).map(({ head }) => head.type))).toEqual(new Set(Object.values(FrameType)))
  })

  test.each(Object.entries(packets))('%s', (name, { sequence, acknowledged, frames: names }) => {
    const bytes = protocol.bytes(name)
    expect(packetNumbers(bytes)).toEqual({ sequence, acknowledged })
    reader.open(bytes, PACKET_HEADER_BYTES)
    for (const frame of names) {
      expect(reader.next()).toBe(true)
      expectFrame(frames[frame]!, reader)
    }
    expect(reader.next()).toBe(false)
    const packet = Buffer.concat([new Uint8Array(PACKET_HEADER_BYTES), ...names.map((frame) => frameBytes(frames[frame]!))])
    numberPacket(packet, sequence, acknowledged)
    expect(hex(packet)).toBe(hex(bytes))
  })

  test.each(Object.entries(framed))('%s', (name, names) => {
    const bytes = protocol.bytes(name)
    const messages: string[] = []
    expect(new Framer(MAX_INTRODUCTION_BYTES).feed(bytes.slice(), (message) => messages.push(hex(message)))).toBeUndefined()
    expect(messages).toEqual(names.map((packet) => hex(protocol.bytes(packet))))
    const socket = new WrittenSocket()
    const link = socket.link()
    for (const packet of names) link.send(protocol.bytes(packet))
    expect(hex(socket.written)).toBe(hex(bytes))
  })

  test.each(Object.entries(bodies))('%s', (name, { encoding, value }) => {
    const bytes = protocol.bytes(name)
    expect(parseBody(encoding, bytes)).toStrictEqual(value)
    const prepared = prepareBody(value)
    expect(prepared.encoding).toBe(encoding)
    expect(hex(bodyBytes(prepared))).toBe(hex(bytes))
  })

  test('a shared object arrives as one', () => {
    const [left, right] = parseBody(encodings.rich, protocol.bytes('body-rich-shared')) as [object, object]
    expect(left).toBe(right)
  })

  test.each(envelopes)('%s', (name) => {
    const json: unknown = JSON.parse(protocol.fence(`json ${name}`))
    const bytes = protocol.bytes(name)
    expect(hex(envelopeToFrame(envelopeFromJson(json)))).toBe(hex(bytes))
    reader.open(bytes, 0)
    expect(reader.next()).toBe(true)
    expect(envelopeToJson(envelopeFromFrame(reader, nothing))).toEqual(asCarried(json as Record<string, unknown>))
  })
})

test('the routes of HTTP', () => {
  const folder = new URL('packages/server/src/http/', root)
  const text = readdirSync(folder).map((name) => readFileSync(new URL(name, folder), 'utf8'))
  const inCode = Array.from(
    text.join('').matchAll(/\bapp\.(get|post|delete)\('([^']+)'/g),
    ([, method, path]) => `${method!.toUpperCase()} ${path}`,
  )
  const inPage = table('http routes', 'route').flatMap(({ route }) => route!.match(/(?:GET|POST|DELETE) \S+/g)!)
  expect(inPage.toSorted()).toEqual(inCode.toSorted())
})

test('every table that asks for it, and every vector, is checked', () => {
  expect([...protocol.markers()].sort()).toEqual([...checked].sort())
  const known = [
    ...Object.keys(openings),
    ...Object.keys(frames).map((name) => `frame-${name}`),
    ...Object.keys(packets),
    ...Object.keys(framed),
    ...Object.keys(bodies),
    ...envelopes,
  ]
  const written = protocol.fences().flatMap(({ info }) => (info.startsWith('hex ') ? [info.slice(4)] : []))
  expect(written.sort()).toEqual(known.sort())
})

/** The vectors hold no symbols that would have to be known. */
const nothing: Names = { address: () => undefined, method: () => undefined, client: () => undefined, sn: () => undefined }

/** A destination that is a client travels with the class: as the address of that class there. */
function asCarried(json: Record<string, unknown>): Record<string, unknown> {
  const request = json['request'] as { classname: string } | undefined
  if (request === undefined) return json
  const [sender, destination] = json['routing'] as [string, string]
  return { ...json, routing: [sender, `${destination}/${request.classname}`] }
}

function isChunk({ head }: FrameVector): boolean {
  return head.type === FrameType.callChunk || head.type === FrameType.answerChunk
}

function frameBytes(vector: FrameVector): Uint8Array {
  const slab = new Slab()
  const fields = vector.fields?.map(([tag, content]) => extensionField(tag, content))
  const prepared = prepareBody(isChunk(vector) ? undefined : vector.body)
  const [encoding, body] = isChunk(vector) ? [encodings.json, vector.body as Uint8Array] : [prepared.encoding, bodyBytes(prepared)]
  const start = writeRawFrame(slab, vector.head, fields && joinFields(fields), encoding, body)
  return slab.bytes.slice(start, slab.at)
}

function expectFrame(vector: FrameVector, frame: FrameReader): void {
  const { type, flags, destination, source: from, call, ttlMs, method } = frame
  const absent = { flags: 0, destination: 0, source: 0, call: 0, ttlMs: 0, method: 0 }
  expect({ type, flags, destination, source: from, call, ttlMs, method }).toEqual({ ...absent, ...vector.head })
  for (const [tag, content] of vector.fields ?? []) {
    if (typeof content === 'string') expect(findText(frame, tag)).toBe(content)
    else expect(hex(findField(frame, tag)!)).toBe(hex(content))
  }
  expect(findField(frame, 99)).toBeUndefined()
  if (isChunk(vector)) expect(hex(frame.body())).toBe(hex(vector.body as Uint8Array))
  else expect(parseBody(frame.encoding, frame.body())).toEqual(vector.body)
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
