/**
 * Owns which methods of a class may be called from elsewhere, and on what terms. Must not know decorators, only what they recorded, and
 * never touches an instance's own properties, so no getter or field of the user runs here.
 *
 * The rules. Exposed is what the class and its `@Remote` ancestors declare; once any of that carries `@Method`, only what does. A
 * prototype that is not `@Remote` exposes nothing of its own, but its overrides answer. `@Local` holds by name for the whole chain.
 */
import { WaybillError } from '../errors/index.js'
import { methodContract, serviceContract, type Invoke, type MethodContract, type ServiceContract } from './contract.js'
import { primitivesOf } from './design.js'
import { isReserved } from './names.js'
import { contractStore, type ContractStore, type MethodRecord, type ServiceRecord } from './records.js'
import type { MethodTerms } from './terms.js'

/** One prototype of the chain, the most derived first. */
interface Link {
  readonly prototype: object
  readonly service: ServiceRecord | undefined
}

const noMethods = 'it is @Remote and has no public method of its own (a decorator below @Remote may have put another class in its place)'

const ofInstances = new WeakMap<object, ServiceContract>()
const ofClasses = new WeakMap<object, ServiceContract>()

/**
 * The contract of a class, or of an instance (then `instance` is `shared`). Throws `NotExposed` where there is no `@Remote` or it is
 * written where it cannot hold, `BadAddress` for a malformed name, version or term.
 */
export function contractOf(target: object): ServiceContract {
  const isClass = typeof target === 'function'
  const prototype: unknown = isClass ? target.prototype : Object.getPrototypeOf(target)
  const known = isClass ? ofClasses : ofInstances
  if (!isObject(prototype)) throw notExposed(describeTarget(target))
  const found = known.get(prototype)
  if (found) return found
  const resolved = resolve(prototype, isClass, describeTarget(target))
  known.set(prototype, resolved)
  return resolved
}

/** Whether the class of `value` is `@Remote`, so that it travels by reference. Never throws. */
export function isExposable(value: object): boolean {
  const prototype: unknown = typeof value === 'function' ? value.prototype : Object.getPrototypeOf(value)
  const store = contractStore()
  return store !== undefined && isObject(prototype) && chainOf(prototype, store).some(({ service }) => service)
}

function resolve(prototype: object, isClass: boolean, target: string): ServiceContract {
  const store = contractStore()
  const chain = store === undefined ? [] : chainOf(prototype, store)
  const remote = chain.filter((link) => link.service)
  const nearest = remote[0]?.service
  if (store === undefined || nearest === undefined) throw notExposed(target)
  const errors = remote.flatMap(({ service }) => service!.terms.errors ?? [])
  const name = nearest.terms.name ?? nearest.className
  const methods = new Map<string, MethodContract>()
  for (const method of offered(chain, remote, store)) {
    const found = nearestMethod(chain, method)
    if (found === undefined) continue
    const record = recordOn(found.prototype, method, store)
    const length = record?.length ?? found.invoke.length
    const primitives = primitivesOf(store.parameterTypes(found.prototype, method), length)
    methods.set(method, methodContract(name, method, found.invoke, termsOf(chain, method, store), errors, primitives))
  }
  if (methods.size === 0) throw new WaybillError('NotExposed', `${target} offers nothing: ${noMethods}`)
  return serviceContract({ ...nearest.terms, name }, isClass ? (nearest.terms.instance ?? 'call') : 'shared', methods)
}

/** Names in the order of declaration, the class before its ancestors. Refuses what contradicts itself. */
function offered(chain: readonly Link[], remote: readonly Link[], store: ContractStore): ReadonlySet<string> {
  const declared = new Set<string>()
  const marked = new Set<string>()
  for (const { prototype } of remote) {
    for (const name of Object.getOwnPropertyNames(prototype)) {
      const hasTerms = recordOn(prototype, name, store)?.terms !== undefined
      if (isReserved(name)) {
        if (hasTerms) throw new WaybillError('NotExposed', `@Method on '${name}': a method of this name can never be called remotely`)
        continue
      }
      declared.add(name)
      if (hasTerms) marked.add(name)
    }
  }
  const names = marked.size > 0 ? marked : declared
  for (const name of names) {
    if (!chain.some(({ prototype }) => recordOn(prototype, name, store)?.local)) continue
    if (marked.has(name)) throw new WaybillError('NotExposed', `'${name}' is marked @Local and @Method: take one of them away`)
    names.delete(name)
  }
  return names
}

/** The function that a call on an instance would reach, unless an accessor or a field of a prototype stands before it. */
function nearestMethod(chain: readonly Link[], name: string): { prototype: object; invoke: Invoke } | undefined {
  for (const { prototype } of chain) {
    const descriptor = Object.getOwnPropertyDescriptor(prototype, name)
    if (descriptor) return typeof descriptor.value === 'function' ? { prototype, invoke: descriptor.value as Invoke } : undefined
  }
  return undefined
}

/** Ancestors first, so that what a subclass says wins, term by term. */
function termsOf(chain: readonly Link[], name: string, store: ContractStore): MethodTerms {
  const terms = chain.map(({ prototype }) => recordOn(prototype, name, store)?.terms)
  return Object.assign({}, ...terms.reverse()) as MethodTerms
}

/** What stands on (prototype, name) over what stands on the function. */
function recordOn(prototype: object, name: string, store: ContractStore): MethodRecord | undefined {
  const value: unknown = Object.getOwnPropertyDescriptor(prototype, name)?.value
  const onMember = store.member(prototype, name)
  const onMethod = typeof value === 'function' ? store.method(value) : undefined
  if (!onMember || !onMethod) return onMember ?? onMethod
  return { ...onMethod, ...onMember, local: (onMember.local ?? false) || (onMethod.local ?? false) }
}

function chainOf(prototype: object, store: ContractStore): Link[] {
  const chain: Link[] = []
  for (let at: object | null = prototype; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at) as object | null) {
    chain.push({ prototype: at, service: store.service(at) })
  }
  return chain
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function describeTarget(target: object): string {
  const named: unknown = typeof target === 'function' ? target : (Object.getPrototypeOf(target) as object | null)?.constructor
  return typeof named === 'function' && named.name !== '' ? named.name : 'the object'
}

function notExposed(target: string): WaybillError {
  return new WaybillError('NotExposed', `${target} offers nothing: neither its class nor an ancestor is marked @Remote`)
}
