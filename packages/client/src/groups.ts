/** `.all()`: from a method with its options to a group of calls, each to one instance by its symbol. Owns nothing that lasts but whose turn it is. */
import { durationMs, extensionField, serialBytes, Tag, WaybillError } from '@waybill/core'
import type { Call, CallOptions, Clock, Fan } from '@waybill/core'
import { Group, type Listed, type Rule } from './group.js'
import type { Names } from './names.js'
import type { OutgoingBody } from './outgoing-body.js'
import { watchRequest, type Request } from './request.js'

export interface GroupCalls {
  /** Throws `NotRepresentable` or `TooLarge`. */
  bodyOf(args: readonly unknown[]): OutgoingBody
  start(request: Request, args: readonly unknown[]): Call<unknown>
}

export interface GroupRequest {
  readonly address: string
  readonly method: string
  /** As for one call. Throws why none can be made. */
  readonly request: () => Request
  readonly options: CallOptions
}

export class Groups {
  readonly #calls: GroupCalls
  readonly #names: Names
  readonly #clock: Clock
  #turn = 0

  constructor(calls: GroupCalls, names: Names, clock: Clock) {
    this.#calls = calls
    this.#names = names
    this.#clock = clock
  }

  /** Begins a group, of this serial number. It never throws: what is wrong with it is its outcome. */
  start(sn: string, { address, method, request, options }: GroupRequest, args: readonly unknown[]): Fan<unknown> {
    const refused = (error: unknown): Fan<unknown> => {
      const group = new Group<unknown>({ ...nothing, sn, clock: this.#clock })
      group.refuse(error)
      return group.fan
    }
    let asked: Request
    let body: OutgoingBody
    let rule: Rule
    try {
      asked = request()
      rule = ruleOf(options)
      // Taken now, as for one call: the caller may change them afterwards.
      body = this.#calls.bodyOf(args)
    } catch (thrown) {
      return refused(thrown)
    }
    const untilMs = this.#clock.nowMs() + asked.deadlineMs
    const { signal, ...rest } = asked
    const fields = [...asked.fields, extensionField(Tag.parent, serialBytes(sn))]
    const member = { ...rest, fields, body, retries: 0, refusal: undefined }
    const listing: Request = {
      ...watchRequest,
      semantics: 'live',
      address: this.#names.address('waybill.Router'),
      method: this.#names.method('instances'),
      timeoutMs: asked.timeoutMs,
      deadlineMs: asked.deadlineMs,
      ttlMs: asked.deadlineMs,
    }
    const group = new Group<unknown>({
      sn,
      clock: this.#clock,
      rule,
      turn: this.#turn++,
      signal,
      list: () => this.#calls.start(listing, [address, method]) as Call<readonly Listed[]>,
      way: ({ symbol }) => {
        const instance = this.#names.instance(symbol)
        return () => {
          const deadlineMs = Math.max(0, untilMs - this.#clock.nowMs())
          return this.#calls.start({ ...member, address: instance, deadlineMs, ttlMs: Math.min(member.ttlMs, deadlineMs) }, args)
        }
      },
    })
    group.start()
    return group.fan
  }
}

/** Of a group that is never started. */
const nothing = { rule: { kind: 'all' }, turn: 0, signal: undefined, list: never, way: never } as const

function never(): never {
  throw new Error('a group that was refused has nobody to ask')
}

/** Throws `BadAddress`. */
function ruleOf({ key, first = false, quorum, hedge }: CallOptions): Rule {
  if (key !== undefined)
    throw new WaybillError('BadAddress', 'the option key is for one call: with it, those of .all() would all be the same')
  const given = [first !== false && 'first', quorum !== undefined && 'quorum', hedge !== undefined && 'hedge'].filter(Boolean)
  if (given.length > 1) throw new WaybillError('BadAddress', `${given.join(' and ')} exclude each other`)
  if (hedge !== undefined) return { kind: 'hedge', everyMs: durationMs(hedge, 'hedge') }
  if (quorum !== undefined) return { kind: 'quorum', wanted: count(quorum, 'quorum') }
  return first === false ? { kind: 'all' } : { kind: 'first', wanted: first === true ? 1 : count(first, 'first') }
}

function count(value: number, option: string): number {
  if (Number.isSafeInteger(value) && value >= 1) return value
  throw new WaybillError('BadAddress', `${option}: ${value} is not a whole number from 1 on`)
}
