/**
 * Owns `service()`: name, type and contract in one exported value, without decorators, for both sides. Must not know clients.
 * Exposes exactly the keys listed, whatever else the implementation has.
 */
import { isServiceName } from '../address/names.js'
import { WaybillError } from '../errors/index.js'
import type { MethodNames } from '../remote-types/index.js'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { methodContract, serviceContract, type Invoke, type MethodContract, type ServiceContract } from './contract.js'
import { isReserved } from './names.js'
import { ownFunction } from './own.js'
import type { MethodConditions, MethodTerms, ServiceTerms } from './terms.js'
import { defaultVersion, isVersion } from './version.js'

/** Remembers the class or interface. Types only. */
declare const offers: unique symbol

/** What a service is to both sides. `client.remote(dog)` asks for `range`; `client.expose(dog, implementation)` offers `version`. */
export interface ServiceDefinition<T extends object> {
  readonly name: string
  readonly version: string
  /** `^` of the version. */
  readonly range: string
  /** `Dog@^1.2.0` */
  readonly address: string
  readonly terms: Omit<ServiceTerms, 'name' | 'version'>
  readonly methods: ReadonlyMap<string, MethodTerms>
  readonly [offers]?: (offered: T) => T
}

/** One schema for each parameter; what it gives back must fit the parameter. */
type SchemasFor<A extends readonly unknown[]> = { readonly [I in keyof A]-?: StandardSchemaV1<unknown, A[I]> }

/** A result schema may ask for more than the declared result, not for something else. */
export type TermsFor<F> = F extends (...args: infer A) => infer R
  ? MethodConditions & { readonly args?: SchemasFor<A>; readonly returns?: StandardSchemaV1<Awaited<R>, unknown> }
  : never

export type MethodsFor<T> = { readonly [K in MethodNames<T>]?: TermsFor<T[K]> }

/**
 * `service<Dog>('Dog@1.2.0', { bark: {} })`. The version is concrete, `0.0.0` where there is none. Throws `BadAddress` for a malformed
 * name or version and `NotExposed` for a key that can never be called.
 */
export function service<T extends object>(
  address: string,
  methods: MethodsFor<T>,
  terms: Omit<ServiceTerms, 'name' | 'version'> = {},
): ServiceDefinition<T> {
  const at = address.indexOf('@')
  const name = at < 0 ? address : address.slice(0, at)
  const version = at < 0 ? defaultVersion : address.slice(at + 1)
  if (!isServiceName(name) || !isVersion(version)) {
    throw new WaybillError('BadAddress', `'${address}' does not name a service and one version, such as 'Dog@1.2.0'`)
  }
  const listed = new Map<string, MethodTerms>()
  for (const [method, own] of Object.entries(methods) as [string, MethodTerms | undefined][]) {
    if (isReserved(method)) throw new WaybillError('NotExposed', `${name}: a method of the name '${method}' can never be called remotely`)
    if (own !== undefined) listed.set(method, own)
  }
  return { name, version, range: `^${version}`, address: `${name}@^${version}`, terms, methods: listed }
}

/**
 * The contract of a definition and the object or class that does the work. Throws `NotExposed` naming the methods that it lacks. A
 * method may be an own property of an object here, as it was listed by name; an accessor never is.
 */
export function contractOfService(definition: ServiceDefinition<never>, implementation: object): ServiceContract {
  const isClass = typeof implementation === 'function'
  const from: unknown = isClass ? implementation.prototype : implementation
  const { name, version, terms } = definition
  const methods = new Map<string, MethodContract>()
  for (const [method, own] of definition.methods) {
    const invoke = functionOf(from, method)
    if (invoke === undefined) throw new WaybillError('NotExposed', `${name}: the implementation has no method '${method}'`)
    methods.set(method, methodContract(name, method, invoke, own, terms.errors))
  }
  return serviceContract({ ...terms, name, version }, isClass ? (terms.instance ?? 'call') : 'shared', methods)
}

function functionOf(from: unknown, name: string): Invoke | undefined {
  for (let at = from; typeof at === 'object' && at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    if (Object.hasOwn(at, name)) return ownFunction(at, name) as Invoke | undefined
  }
  return undefined
}
