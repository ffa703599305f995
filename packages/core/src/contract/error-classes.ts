/**
 * Owns which classes of errors travel as themselves, and how they are built again. Must not know the wire.
 *
 * A class is found by a registered name, in a Map, and never by what the wire calls a class or module. It is built **without** calling
 * its constructor, with own data properties only. The table is on `globalThis` under `Symbol.for`, so two copies of this package agree.
 */
import { WaybillError, type Exceptional } from '../errors/index.js'
import { isServiceName } from '../address/names.js'
import { stateOf } from './error-state.js'
import type { ErrorClass } from './terms.js'

interface Registry {
  readonly byName: Map<string, ErrorClass>
  readonly byPrototype: WeakMap<object, string>
}

const key = Symbol.for('waybill.errors')
const shared = globalThis as { [key]?: Registry }
const registry: Registry = (shared[key] ??= { byName: new Map(), byPrototype: new WeakMap() })

/**
 * Lets errors of this class travel with their fields and arrive as the same class: call it in the module that both sides import. Again
 * for the same class does nothing. Throws `BadAddress` for a malformed name and for one that another class has.
 */
export function registerError(errorClass: ErrorClass, name: string = errorClass.name): void {
  if (!isServiceName(name)) throw new WaybillError('BadAddress', `'${name}' is not a name for a class of errors`)
  const other = registry.byName.get(name)
  if (other !== undefined && other !== errorClass) {
    throw new WaybillError('BadAddress', `another class of errors is registered as '${name}': register this one under a name of its own`)
  }
  registry.byName.set(name, errorClass)
  registry.byPrototype.set(prototypeOf(errorClass), name)
}

/**
 * The error of a class registered or declared here, or undefined: then make a `RemoteException`. It has `executed: 'yes'`, and its
 * `code` is its own or else the name. Private `#fields` are not there, as no constructor ran.
 */
export function reviveError(
  name: string,
  message: string,
  state: Readonly<Record<string, unknown>> = {},
  declared: readonly ErrorClass[] = [],
): (Error & Exceptional) | undefined {
  const errorClass = declared.find((one) => one.name === name) ?? registry.byName.get(name)
  if (errorClass === undefined) return undefined
  const error = new Error(message)
  Object.setPrototypeOf(error, prototypeOf(errorClass))
  for (const [field, value] of Object.entries(stateOf(state))) define(error, field, value, true)
  define(error, 'executed', 'yes', false)
  if (!('code' in error)) define(error, 'code', name, false)
  return error as Error & Exceptional
}

/** Under which name an error of exactly this prototype travels as itself. */
export function nameOf(prototype: object, declared: readonly ErrorClass[]): string | undefined {
  return registry.byPrototype.get(prototype) ?? declared.find((one) => prototypeOf(one) === prototype)?.name
}

function prototypeOf(errorClass: ErrorClass): object {
  return errorClass.prototype as object
}

function define(error: Error, field: string, value: unknown, enumerable: boolean): void {
  Object.defineProperty(error, field, { value, enumerable, writable: true, configurable: true })
}
