/** Owns `functions()`: the functions of a module, or of any object, as a service. Must not know clients. */
import { WaybillError } from '../errors/index.js'
import { isReserved } from './names.js'
import { ownFunction } from './own.js'
import { service, type MethodsFor, type ServiceDefinition } from './service.js'
import type { ServiceTerms } from './terms.js'

/** Found by `Symbol.for`, so that two copies of this package agree. */
const brand = Symbol.for('waybill.functions')

/** A definition that knows who does the work: `client.expose(math)`, and `client.remote(math)` where the module is at hand. */
export interface FunctionService<T extends object> extends ServiceDefinition<T> {
  readonly implementation: T
}

/**
 * `functions('Math@1.0.0', math)` after `import * as math from './math.js'`: all own enumerable functions, but for classes and for names that
 * can never be called. Elsewhere `client.remote<typeof math>('Math@^1')`. Throws `BadAddress`, and `NotExposed` where there is no function.
 */
export function functions<T extends object>(
  address: string,
  module: T,
  terms: Omit<ServiceTerms, 'name' | 'version'> = {},
): FunctionService<T> {
  const names = Object.keys(module).filter((name) => !isReserved(name) && isCallable(ownFunction(module, name)))
  if (names.length === 0) throw new WaybillError('NotExposed', `${address}: there is no function to offer`)
  const methods = Object.fromEntries(names.map((name) => [name, {}])) as MethodsFor<T>
  return Object.defineProperty({ ...service<T>(address, methods, terms), implementation: module }, brand, { value: true })
}

/** Whether `functions()` made it. */
export function isFunctionService(value: object): value is FunctionService<object> {
  return Object.hasOwn(value, brand)
}

/** A class has to be constructed. Its `prototype` cannot be written, that of any function can. */
function isCallable(value: object | undefined): boolean {
  return value !== undefined && Object.getOwnPropertyDescriptor(value, 'prototype')?.writable !== false
}
