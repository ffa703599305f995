/** Owns telling the two decorator modes apart, and putting a method's record where it belongs. Must not know what the record says. */
import { WaybillError, type MethodRecord } from '@waybill/core'
import { store } from './metadata.js'

/** What a method decorator is given, in either mode, as far as we look at it. */
export type Place =
  | readonly [method: unknown, context: StandardPlace]
  | readonly [prototype: object, name: string | symbol, descriptor?: PropertyDescriptor]

interface StandardPlace {
  readonly kind: string
  readonly name: string | symbol
  readonly static: boolean
  readonly private: boolean
  readonly metadata?: Record<PropertyKey, unknown>
}

/** Throws `NotExposed` for what can have no contract: static, `#private` and symbol members, accessors and fields. */
export function recordAt(place: Place, decorator: string, record: (method: object) => MethodRecord): void {
  const standard = typeof place[1] === 'object'
  if (standard) recordStandard(place[0], place[1], decorator, record)
  else recordLegacy(place[0] as object, place[1] as string | symbol, place[2], decorator, record)
}

function recordStandard(method: unknown, context: StandardPlace, decorator: string, record: (method: object) => MethodRecord): void {
  const { name, kind } = context
  if (context.static || context.private || kind !== 'method') throw refused(decorator, name)
  if (typeof name === 'symbol' || typeof method !== 'function') throw refused(decorator, name)
  const made = record(method)
  store.addWaiting(context.metadata, name, made)
  store.addMethod(method, made)
}

function recordLegacy(
  prototype: object,
  name: string | symbol,
  descriptor: PropertyDescriptor | undefined,
  decorator: string,
  record: (method: object) => MethodRecord,
): void {
  const method: unknown = descriptor?.value
  if (typeof prototype === 'function' || typeof name === 'symbol' || typeof method !== 'function') throw refused(decorator, name)
  const made = record(method)
  store.addMember(prototype, name, made)
  store.addMethod(method, made)
}

function refused(decorator: string, name: string | symbol): WaybillError {
  return new WaybillError('NotExposed', `${decorator} on '${String(name)}': it is for public methods of instances`)
}
