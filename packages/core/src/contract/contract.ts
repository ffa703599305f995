/** Owns the shape of a resolved contract, which a callee works with. Must not know how it was found: see `resolve.ts`, `service.ts`. */
import { isName, isServiceName } from '../address/names.js'
import { WaybillError } from '../errors/index.js'
import { durationMs } from '../remote-types/index.js'
import type { ErrorClass, InstanceRule, MethodConditions, MethodTerms, Schema, ServiceTerms } from './terms.js'
import { defaultVersion, isVersion } from './version.js'

/** A method's function, taken from the prototype once. Call it as `invoke.call(instance, ...args)`. */
export type Invoke = (this: object, ...args: unknown[]) => unknown

/** A primitive that a design type names; undefined for what is not checked. */
export type Primitive = 'string' | 'number' | 'boolean' | 'bigint'

export interface MethodContract {
  readonly name: string
  readonly invoke: Invoke
  readonly idempotent: boolean
  readonly args: readonly Schema[] | undefined
  readonly returns: Schema | undefined
  /** Parameters whose primitive type the compiler emitted; checked only where there are no `args`. */
  readonly primitives: readonly (Primitive | undefined)[] | undefined
  readonly timeoutMs: number | undefined
  readonly concurrency: number | undefined
  /** Those of the method and of the service. */
  readonly errors: readonly ErrorClass[]
  readonly guard: MethodConditions['guard'] | undefined
  readonly isolate: MethodConditions['isolate']
}

export interface ServiceContract {
  readonly name: string
  /** Concrete: `1.2.0`. */
  readonly version: string
  readonly labels: Readonly<Record<string, string>>
  readonly instance: InstanceRule
  readonly concurrency: number | undefined
  readonly module: string | undefined
  /** Built once. Whatever arrives from the wire is looked up here and never on an object. */
  readonly methods: ReadonlyMap<string, MethodContract>
}

const METHOD_TERMS: Readonly<Record<keyof MethodTerms, true>> = {
  idempotent: true,
  timeout: true,
  concurrency: true,
  errors: true,
  isolate: true,
  guard: true,
  args: true,
  returns: true,
}
const SERVICE_TERMS: Readonly<Record<keyof ServiceTerms, true>> = {
  name: true,
  version: true,
  labels: true,
  instance: true,
  concurrency: true,
  errors: true,
  module: true,
}

/** A term that is misspelt would be a promise that nobody keeps. */
function checkTerms(terms: object, known: object, owner: string): void {
  const wrong = Object.keys(terms).find((term) => !Object.hasOwn(known, term))
  if (wrong !== undefined) throw badName(wrong, `is nothing that can be said of ${owner}; there are ${Object.keys(known).join(', ')}`)
}

/** Throws `BadAddress` where a name, version or label is not well formed. `name` is used where the terms give none. */
export function serviceContract(
  terms: ServiceTerms & { readonly name: string },
  instance: InstanceRule,
  methods: ReadonlyMap<string, MethodContract>,
): ServiceContract {
  const { name, version = defaultVersion, labels = {} } = terms
  checkTerms(terms, SERVICE_TERMS, name)
  if (!isServiceName(name))
    throw badName(name, 'is not a name for a service: letters, digits, _ and -, tokens joined by dots. Give one: @Remote({ name })')
  if (!isVersion(version)) throw badName(version, `is not a version of ${name}: write x.y.z`)
  for (const [label, value] of Object.entries(labels)) {
    if (!isName(label) || !isName(value)) throw badName(`${label}=${value}`, `is not a label of ${name}: letters, digits, _ and -`)
  }
  const concurrency = checkConcurrency(terms.concurrency, name)
  return Object.freeze({ name, version, labels: Object.freeze({ ...labels }), instance, concurrency, module: terms.module, methods })
}

/** Throws `BadAddress` for a term that is not well formed. */
export function methodContract(
  owner: string,
  name: string,
  invoke: Invoke,
  terms: MethodTerms,
  serviceErrors: readonly ErrorClass[] = [],
  primitives?: readonly (Primitive | undefined)[],
): MethodContract {
  checkTerms(terms, METHOD_TERMS, `${owner}.${name}`)
  if (terms.guard !== undefined && typeof terms.guard !== 'function') throw badName(String(terms.guard), `is no guard of ${owner}.${name}`)
  if (terms.isolate !== undefined && terms.isolate !== 'process') {
    throw badName(String(terms.isolate), `is no value of isolate of ${owner}.${name}: there is 'process'`)
  }
  return Object.freeze({
    name,
    invoke,
    idempotent: terms.idempotent ?? false,
    args: terms.args,
    returns: terms.returns,
    primitives,
    timeoutMs: terms.timeout === undefined ? undefined : durationMs(terms.timeout, `timeout of ${owner}.${name}`),
    concurrency: checkConcurrency(terms.concurrency, `${owner}.${name}`),
    errors: [...new Set([...(terms.errors ?? []), ...serviceErrors])],
    guard: terms.guard,
    isolate: terms.isolate,
  })
}

function checkConcurrency(concurrency: number | undefined, owner: string): number | undefined {
  if (concurrency === undefined || (Number.isSafeInteger(concurrency) && concurrency > 0)) return concurrency
  throw badName(String(concurrency), `is not a concurrency of ${owner}: a whole number above 0`)
}

function badName(text: string, why: string): WaybillError {
  return new WaybillError('BadAddress', `'${text}' ${why}`)
}
