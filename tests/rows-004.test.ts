/** Rows of docs/rows.md about envelopes and the calls that they make. Each test is named after its row. */
import {
  currentCall,
  registerError,
  RemoteException,
  service,
  type Call,
  type Client,
  type Duration,
  type Outcome,
  type Status,
} from '@waybill/client'
import {
  durationMs,
  envelopeFromFrame,
  envelopeFromJson,
  envelopeToFrame,
  envelopeToJson,
  Flag,
  FrameReader,
  FrameType,
  packetNumbers,
  type Envelope,
  type EnvelopeContent,
  type Names,
} from '@waybill/core'
import { Local, Method, Remote } from '@waybill/decorators'
import { harness, type End, type Harness, type HarnessOptions, type Wire } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'

const nobody: Names = { address: () => undefined, method: () => undefined, client: () => undefined, sn: () => undefined }

function throughFrame(envelope: Envelope): { envelope: Envelope; frame: FrameReader } {
  const frame = new FrameReader(2 ** 20)
  frame.open(envelopeToFrame(envelope), 0)
  frame.next()
  return { envelope: envelopeFromFrame(frame, nobody), frame }
}

const head = {
  sn: '0198a1b2-c3d4-8000-8000-000000000001',
  version: '1.0',
  timestamp: '2026-01-31T12:00:00Z',
  data: { trace: [1, 'x', null] },
}
const request = { ...head, routing: ['walker', 'kennel/Dog'] as const, replyto: 'walker', ttl: 5000 }
const answer = { ...head, routing: ['kennel', 'walker'] as const }
const contents: readonly (readonly [kind: string, fields: readonly string[], content: EnvelopeContent])[] = [
  [
    'request',
    ['request', 'replyto', 'ttl'],
    { kind: 'request', request: { classname: 'Dog', method: 'bark', args: ['hi', 2], kws: { loud: true }, cntr: [['rex'], {}] } },
  ],
  ['accepted', ['status'], { kind: 'accepted' }],
  ['started', ['status'], { kind: 'started' }],
  ['progress', ['status', 'total', 'completed', 'details'], { kind: 'progress', total: 10, completed: 3, details: 'sniffing' }],
  [
    'rejected',
    ['status', 'code', 'description', 'details'],
    { kind: 'rejected', code: 'Overloaded', description: 'later', details: { retryAfterMs: 5 } },
  ],
  ['result', ['result'], { kind: 'result', retval: { said: 'wau' } }],
  [
    'exception',
    ['result'],
    { kind: 'exception', exception: { exval: 'm', xclass: 'Asleep', xmodule: 'dog', xstate: { until: 7 }, xargs: [7], executed: 'yes' } },
  ],
  ['cancel', ['cancel'], { kind: 'cancel', reason: 'enough' }],
]

interface Dog {
  bark(phrase: string): string
  walk(km: number): Promise<string>
  bite(): void
}
const dog = service<Dog>('Dog@1.0.0', { bark: {}, walk: {}, bite: {} })

async function kennel(options: HarnessOptions = {}): Promise<{ h: Harness; caller: Client }> {
  const h = harness(options)
  const worker = await h.client('kennel', { onIncident: () => {} })
  await worker.expose(dog, {
    bark: (phrase) => `I bark ${phrase}`,
    walk: async (km) => {
      const call = currentCall()
      for (let completed = 1; completed <= km; completed++) {
        await h.processOf(worker).sleep(100)
        call.progress({ total: km, completed, details: 'sniffing' })
      }
      return 'home'
    },
    bite: () => {
      throw new RangeError('ouch')
    },
  })
  return { h, caller: await h.client('caller') }
}

describe('envelopes', () => {
  test.each(contents)('row 004-1: %s has exactly its fields, in JSON and back from bytes', (kind, fields, content) => {
    const envelope: Envelope = { ...(kind === 'request' ? request : answer), ...content }
    const json = envelopeToJson(envelope)
    expect(Object.keys(json).toSorted()).toEqual(['sn', 'version', 'routing', 'timestamp', 'data', ...fields].toSorted())
    expect(envelopeFromJson(JSON.parse(JSON.stringify(json)))).toEqual(envelope)
    expect(throughFrame(envelope).envelope).toEqual(envelope)
    // Data comes back in every status and outcome.
    expect(json['data']).toEqual(head.data)
  })

  test.each(contents)('row 004-1: unknown fields of %s are kept', (kind, _fields, content) => {
    const json = {
      ...envelopeToJson({ ...(kind === 'request' ? request : answer), ...content }),
      window: { begin: 1 },
      pam: null,
      x: ['y'],
    }
    const envelope = envelopeFromJson(json)
    expect(envelope.unknown).toEqual({ window: { begin: 1 }, pam: null, x: ['y'] })
    expect(envelopeToJson(throughFrame(envelope).envelope)).toEqual(json)
  })

  test('row 004-1: what is no envelope is refused, naming the field', () => {
    const good = envelopeToJson({ ...request, ...contents[0]![2] })
    const wrong: readonly (readonly [string, unknown])[] = [
      ['sn', 'seven'],
      ['sn', undefined],
      ['version', 1],
      ['routing', ['a']],
      ['routing', 'a'],
      ['timestamp', 'yesterday'],
      ['ttl', -1],
      ['ttl', 0],
      ['ttl', 1.5],
      ['ttl', 2 ** 32],
      ['replyto', 5],
      ['request', []],
      ['request', { classname: 'Dog' }],
      ['request', { classname: 'Dog', method: 'bark', args: {} }],
    ]
    for (const [field, value] of wrong) {
      const thrown = expect.objectContaining({ code: 'ProtocolViolation', message: expect.stringContaining(field) })
      expect(() => envelopeFromJson({ ...good, [field]: value }), `${field} ${JSON.stringify(value)}`).toThrow(thrown)
    }
    for (const none of [null, [], 'x', 7])
      expect(() => envelopeFromJson(none)).toThrow(expect.objectContaining({ code: 'ProtocolViolation' }))
    for (const two of [{ status: 'accepted' }, { result: {} }, { cancel: {} }])
      expect(() => envelopeFromJson({ ...good, ...two })).toThrow('exactly one')
    expect(() => envelopeFromJson({ ...good, version: '0.2' })).toThrow(
      expect.objectContaining({ code: 'Incompatible', details: { expected: '1.0', found: '0.2' } }),
    )
  })

  test('row 004-2: a request without replyto asks for silence, on the wire as well', () => {
    const { replyto: _, ...silent } = request
    const asked = throughFrame({ ...request, ...contents[0]![2] })
    const unasked = throughFrame({ ...silent, ...contents[0]![2] } as Envelope)
    expect(asked.frame.flags & Flag.noReply).toBe(0)
    expect(unasked.frame.flags & Flag.noReply).toBe(Flag.noReply)
    expect('replyto' in unasked.envelope).toBe(false)
    for (const absent of [undefined, null])
      expect('replyto' in envelopeFromJson({ ...envelopeToJson(unasked.envelope), replyto: absent })).toBe(false)
  })
})

describe('calls', () => {
  async function all(call: Call<unknown>): Promise<(Status | Outcome<unknown>)[]> {
    const events: (Status | Outcome<unknown>)[] = []
    for await (const event of call.status()) events.push(event)
    return events
  }

  test('row 004-2: accepted, started, progress and outcome, in this order', async () => {
    const { h, caller } = await kennel()
    await using _ = h
    const events = await h.until(all(caller.remote(dog).walk(3)))
    expect(events.map(({ kind }) => kind)).toEqual(['accepted', 'started', 'progress', 'progress', 'progress', 'result'])
    expect((await all(caller.remote(dog).bite())).map(({ kind }) => kind)).toEqual(['accepted', 'started', 'exception'])
    expect((await all(caller.remote<Dog>('Cat').bite())).map(({ kind }) => kind)).toEqual(['rejected'])
  })

  test('row 004-2: no statuses where nobody asked for them', async () => {
    const types: number[] = []
    const { h, caller } = await kennel({
      tap: { arrived: (_wire, to, packet) => void (to.process.name === 'caller' && types.push(...typesIn(packet))) },
    })
    await using _ = h
    await caller.remote(dog).bark('hi')
    expect(types.filter((type) => type === FrameType.accepted || type === FrameType.started)).toEqual([])
    expect(types.filter((type) => type === FrameType.result)).toHaveLength(1)
  })

  test('row 004-4: the value, or the exception, at the caller', async () => {
    const { h, caller } = await kennel()
    await using _ = h
    expect(await caller.remote(dog).bark('hello')).toBe('I bark hello')
    await expect(caller.remote(dog).bite()).rejects.toMatchObject({ message: 'ouch', xclass: 'RangeError', executed: 'yes' })
  })

  test('row 004-4: progress is told while the caller waits, and keeps the call alive', async () => {
    const { h, caller } = await kennel()
    await using _ = h
    const seen: unknown[] = []
    const call = caller.remote(dog, { timeout: 150 }).walk(5)
    void call.on('progress', (progress) => seen.push(progress))
    expect(await h.until(call)).toBe('home')
    expect(seen).toEqual([1, 2, 3, 4, 5].map((completed) => ({ total: 5, completed, details: 'sniffing' })))
  })

  test('row 004-4: out of time the call ends, its number known from the start, and what comes late is dropped', async () => {
    const { h, caller } = await kennel()
    await using _ = h
    const call = caller.remote(dog, { timeout: 50 }).walk(20)
    expect(call.sn).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    const events = all(call)
    await expect(h.until(call)).rejects.toMatchObject({ code: 'IdleTimeout', executed: 'maybe' })
    await h.advance(10_000)
    // It walks on for the grace of a cancelled method, and then for 20 times as long.
    const kinds = (await events).map(({ kind }) => kind)
    expect([kinds.at(-1), kinds.filter((kind) => kind === 'exception').length]).toEqual(['exception', 1])
    expect(kinds.filter((kind) => kind === 'progress').length).toBeLessThan(4)
    expect(await caller.remote(dog).bark('on')).toBe('I bark on')
  })

  test('row 004-4: nothing of an ended call is left anywhere', async () => {
    const { h, caller } = await kennel()
    await using _ = h
    await caller.remote(dog).bark('hi')
    await caller
      .remote(dog)
      .bite()
      .then(undefined, () => {})
    await h.advance(100)
    expect(caller.pending).toEqual({ outgoing: 0, incoming: 0 })
    expect(h.router.load).toMatchObject({ pendingCalls: 0, heldCalls: 0 })
  })

  test('row 004-8: durations', () => {
    const good: readonly (readonly [Duration, number])[] = [
      [250, 250],
      ['250ms', 250],
      ['30s', 30_000],
      ['5m', 300_000],
      ['2h', 7_200_000],
      ['1d', 86_400_000],
      ['1.5s', 1500],
      [0.5, 0.5],
    ]
    for (const [duration, ms] of good) expect(durationMs(duration), String(duration)).toBe(ms)
    for (const [index, bad] of [
      '',
      '30',
      's',
      '5 m',
      '5M',
      '-5s',
      '1w',
      '5s5m',
      ' 5s',
      '5s\n',
      '1e3s',
      '0s',
      0,
      -1,
      Number.NaN,
      Infinity,
      null,
      undefined,
      {},
      5n,
    ].entries()) {
      expect(() => durationMs(bad as Duration, 'timeout'), `bad duration ${index}`).toThrow(
        expect.objectContaining({ code: 'BadAddress', message: expect.stringContaining('timeout') }),
      )
    }
  })

  test('row 004-8: durations as options of a call', async () => {
    const { h, caller } = await kennel()
    await using _ = h
    const startedMs = h.world.nowMs
    const failed = caller
      .remote(dog)
      .walk.with({ timeout: '2s', deadline: '0.2s' })(100)
      .then(undefined, () => h.world.nowMs - startedMs)
    expect(await h.until(failed)).toBeLessThan(250)
    expect(() => caller.remote(dog, { timeout: '5x' as Duration }).bark).toThrow(expect.objectContaining({ code: 'BadAddress' }))
    await h.advance(20_000)
  })
})

describe('exceptions', () => {
  class Asleep extends Error {
    until: number
    readonly nested: { deep: number[] }
    constructor(until: number) {
      super(`asleep until ${until}`)
      this.until = until
      this.nested = { deep: [until] }
    }
    get hours(): number {
      return this.until / 3600
    }
  }
  registerError(Asleep, 'rows.Asleep')
  class Private extends Error {
    secret = 'x'
  }

  test('row 004-9: of a registered class arrives as that class with its state', async () => {
    await using h = harness()
    const worker = await h.client('worker')
    await worker.expose(service<Dog>('Dog@1.0.0', { bite: {} }), { bite: () => raise(new Asleep(7200)) } as unknown as Dog)
    const error = (await failure((await h.client('caller')).remote<Dog>('Dog').bite())) as Asleep
    expect(error).toBeInstanceOf(Asleep)
    expect(error).toMatchObject({ message: 'asleep until 7200', until: 7200, nested: { deep: [7200] }, hours: 2, executed: 'yes' })
  })

  test('row 004-9: of any other class arrives as RemoteException, which finds the trace by its incident', async () => {
    const incidents: { incident: string; error: unknown }[] = []
    await using h = harness()
    const worker = await h.client('worker', { onIncident: (incident) => incidents.push(incident) })
    const thrown: readonly unknown[] = [new Private('hidden'), new TypeError('type'), 'text', 7, undefined, { a: 1 }]
    let next = 0
    await worker.expose(service<Dog>('Dog@1.0.0', { bite: {} }), { bite: () => raise(thrown[next++]) } as unknown as Dog)
    const caller = await h.client('caller')
    for (const [at, xclass] of ['Private', 'TypeError', 'string', 'number', 'undefined', 'object'].entries()) {
      const error = (await failure(caller.remote<Dog>('Dog').bite())) as RemoteException
      expect(error).toBeInstanceOf(RemoteException)
      expect(error).toMatchObject({ xclass, executed: 'yes', xstate: undefined })
      expect(error.incident).toBe(incidents[at]!.incident)
      expect(incidents[at]!.error).toBe(thrown[at])
    }
  })

  test('row 004-9: a value that cannot travel is its own exception', async () => {
    await using h = harness()
    const worker = await h.client('worker')
    await worker.expose(service<Dog>('Dog@1.0.0', { bark: {} }), { bark: () => Symbol('x') } as unknown as Dog)
    expect(await failure((await h.client('caller')).remote<Dog>('Dog').bark(''))).toMatchObject({
      code: 'NotRepresentable',
      executed: 'yes',
    })
  })
})

describe('what can be called', () => {
  class Animal {
    undecorated() {
      return 'undecorated'
    }
  }

  @Remote({ name: 'Hound', version: '1.0.0' })
  class Hound extends Animal {
    bark() {
      return 'wau'
    }
    @Local
    diary() {
      return 'dear diary'
    }
    _protected() {
      return 'protected'
    }
    helper = () => 'field'
  }

  @Remote({ name: 'Picky', version: '1.0.0' })
  class Picky {
    @Method()
    yes() {
      return 'yes'
    }
    no() {
      return 'no'
    }
  }

  test('row 004-10: only what was exported', async () => {
    await using h = harness()
    const worker = await h.client('worker')
    expect((await worker.expose(new Hound())).methods).toEqual(['bark'])
    expect((await worker.expose(Picky)).methods).toEqual(['yes'])
    const caller = await h.client('caller')
    const hound = caller.remote<Record<string, () => Promise<string>>>('Hound')
    const picky = caller.remote<Record<string, () => Promise<string>>>('Picky')
    expect(await hound['bark']!()).toBe('wau')
    expect(await picky['yes']!()).toBe('yes')
    for (const name of ['undecorated', 'diary', 'helper', 'fly']) {
      expect(await failure(hound[name]!())).toMatchObject({
        code: 'NoSuchMethod',
        executed: 'no',
        message: expect.stringContaining(name),
        details: { offered: ['bark'] },
      })
    }
    expect(await failure(picky['no']!())).toMatchObject({ code: 'NoSuchMethod', executed: 'no' })
    expect(await failure(caller.remote<Dog>('Cat').bark(''))).toMatchObject({
      code: 'NoSuchService',
      executed: 'no',
      message: expect.stringContaining('Cat'),
    })
  })

  test('row 004-10: protected names are not even there', async () => {
    await using h = harness()
    await (await h.client('worker')).expose(new Hound())
    const hound = (await h.client('caller')).remote<Record<string, unknown>>('Hound') as Record<string, unknown>
    for (const name of ['_protected', '#private', '__proto__', 'constructor', 'toString', 'then', 'toJSON', 'hasOwnProperty', ''])
      expect([name, hound[name]]).toEqual([name, undefined])
  })
})

describe('acknowledgement', () => {
  test('row 003-ack: every envelope is acknowledged, in both directions, soon and without a packet of its own where one goes back', async () => {
    const sent = new Map<End, number>()
    const acknowledged = new Map<End, number>()
    let bare = 0
    let numbered = 0
    const openings = new Set<End>()
    const tap = {
      sent: (wire: Wire, from: End, packet: Uint8Array) => {
        if (!openings.has(from)) return void openings.add(from)
        const numbers = packetNumbers(packet)
        if (numbers.sequence === 0) bare++
        else numbered++
        if (numbers.sequence !== 0) {
          expect(numbers.sequence).toBe((sent.get(from) ?? 0) + 1)
          sent.set(from, numbers.sequence)
        }
        const before = acknowledged.get(wire.other(from)) ?? 0
        expect(numbers.acknowledged).toBeGreaterThanOrEqual(before)
        expect(numbers.acknowledged).toBeLessThanOrEqual(sent.get(wire.other(from)) ?? 0)
        acknowledged.set(wire.other(from), numbers.acknowledged)
      },
    }
    const { h, caller } = await kennel({ tap })
    await using _ = h
    for (let n = 0; n < 50; n++) await caller.remote(dog).bark(String(n))
    await h.advance(25)
    expect(sent.size).toBe(4)
    expect(acknowledged).toEqual(sent)
    expect(numbered).toBeGreaterThan(200)
    expect(bare).toBeLessThan(numbered / 10)
  })

  test('row 003-ack: what was not acknowledged is sent again after a break, and run once', async () => {
    await using h = harness()
    const worker = await h.client('worker')
    const seen: string[] = []
    await worker.expose(dog, { bark: (phrase) => (seen.push(phrase), phrase), walk: () => Promise.resolve(''), bite: () => {} })
    const caller = await h.client('caller')
    const { bark } = caller.remote(dog)
    for (let round = 0; round < 30; round++) {
      const calls = [bark(`${round}a`), bark(`${round}b`)]
      if (round % 3 === 0) await h.advance(0)
      h.network.cut(h.processOf(round % 2 === 0 ? caller : worker))
      calls.push(bark(`${round}c`))
      expect(await h.until(Promise.all(calls))).toEqual([`${round}a`, `${round}b`, `${round}c`])
    }
    expect(seen.toSorted()).toEqual([...new Set(seen)].toSorted())
    expect(seen).toHaveLength(90)
  })
})

function typesIn(packet: Uint8Array): number[] {
  const types: number[] = []
  if (packet[0] === 1 && packet[1] === 0x6f) return types
  const frame = new FrameReader(2 ** 30)
  frame.open(packet, 8)
  while (frame.next()) types.push(frame.type)
  return types
}

function raise(thrown: unknown): never {
  throw thrown
}

async function failure(call: PromiseLike<unknown>): Promise<unknown> {
  return await call.then(
    () => expect.unreachable(),
    (error: unknown) => error,
  )
}
