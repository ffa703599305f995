/**
 * `remote<T>()`: the typed proxy. It has the user's methods and nothing else: it answers neither `then` nor `toJSON` nor symbols, has no keys,
 * and nothing that merely looks at it sends anything. Owns the callables and their options; calls are made elsewhere.
 */
import { checkAddress, durationMs, installRefusal, isReserved, parseAddress, printAddress, WaybillError } from '@waybill/core'
import type { Address, Call, CallOptions, ErrorClass, Fan, RemoteOptions, ServiceDefinition } from '@waybill/core'
import type { Groups } from './groups.js'
import type { Names } from './names.js'
import type { Request } from './outgoing-call.js'

export interface Starter {
  start(request: Request, args: readonly unknown[]): Call<unknown>
  /** A call that ends with the error and was never sent. */
  refuse(error: WaybillError): Call<unknown>
}

const DEFAULT_TIMEOUT_MS = 30_000
const DEFAULT_DEADLINE_MS = 600_000
const NO_ERRORS: readonly ErrorClass[] = []

/** Options whose features are not there yet: a call that asks for one is refused by name, never made without it. */
const NOT_YET = ['ttl', 'key', 'durable', 'construct'] as const
/** Of `.all()` alone: for one call they mean nothing, so it is refused as well. */
const FOR_ALL = ['first', 'quorum', 'hedge'] as const
const OPTIONS: ReadonlySet<string> = new Set(['timeout', 'deadline', 'signal', 'data', 'on', 'where', 'version', ...NOT_YET, ...FOR_ALL])

interface Source {
  readonly starter: Starter
  readonly groups: Groups
  readonly names: Names
  /** What both sides know of the service, where the proxy was made from its definition. */
  readonly definition?: Pick<ServiceDefinition<object>, 'methods' | 'terms'>
}

type Callable = ((...args: unknown[]) => Call<unknown>) & { readonly [METHOD]: Method }

/** What a callable calls. */
const METHOD = Symbol('method')

interface Method {
  readonly source: Source
  readonly address: Address
  readonly name: string
  readonly options: RemoteOptions
}

/** Throws `BadAddress` for a malformed address or option. */
export function remoteProxy(source: Source, address: string, options: RemoteOptions): object {
  const parsed = withOptions(parseAddress(address), options)
  const shown = new RemoteTarget(printAddress(parsed))
  const callables = new Map<string | symbol, Callable>()
  const proxy = new Proxy(shown, {
    get(_target, name) {
      const known = callables.get(name)
      if (known !== undefined) return known
      if (typeof name !== 'string' || isReserved(name)) return undefined
      const callable = callableOf({ source, address: parsed, name, options })
      callables.set(name, callable)
      return callable
    },
    has: () => false,
    ownKeys: () => [],
    getOwnPropertyDescriptor: () => undefined,
    set: () => false,
    defineProperty: () => false,
    deleteProperty: () => false,
    setPrototypeOf: () => false,
    preventExtensions: () => false,
    getPrototypeOf: () => RemoteTarget.prototype,
  })
  proxies.add(proxy)
  return proxy
}

/** A proxy looks like an empty object, and must not travel as one. */
const proxies = new WeakSet<object>()

installRefusal((value) => (proxies.has(value) ? 'is a remote; references cannot travel yet' : undefined))

/** What a debugger shows of a proxy. */
class RemoteTarget {
  readonly address: string
  constructor(address: string) {
    this.address = address
  }
}

function callableOf(method: Method): Callable {
  const request = resolve(method)
  const { starter } = method.source
  const call = (...args: unknown[]): Call<unknown> =>
    request instanceof WaybillError ? starter.refuse(request) : starter.start(request, args)
  Object.setPrototypeOf(call, modes)
  for (const name of ['name', 'length']) Reflect.deleteProperty(call, name)
  // Not enumerable: who prints or copies a method must not get its options, which may hold anything.
  return Object.defineProperty(call, METHOD, { value: method }) as typeof call & { readonly [METHOD]: Method }
}

/** The other semantics of a method. A callable inherits these and nothing of Function. */
const modes = Object.freeze(
  Object.assign(Object.create(null) as object, {
    /** For people: `Dog@^1.bark`. Formatting functions ask for it, and throw where there is none. */
    [Symbol.toPrimitive](this: Callable): string {
      const { address, name } = this[METHOD]
      return `${printAddress(address)}.${name}`
    },
    with(this: Callable, options: CallOptions): Callable {
      const { source, address, name, options: before } = this[METHOD]
      return callableOf({ source, address: withOptions(address, options), name, options: { ...before, ...options } })
    },
    async: () => Promise.reject(notYet('.async()')),
    send: () => Promise.reject(notYet('.send()')),
    callback: () => Promise.reject(notYet('.callback()')),
    all(this: Callable, ...args: unknown[]): Fan<unknown> {
      const { source, address, name, options } = this[METHOD]
      return source.groups.start({ address: printAddress(address), method: name, request: resolve(this[METHOD], true), options }, args)
    },
    prepare(): never {
      throw notYet('.prepare()')
    },
  }),
)

function notYet(what: string): WaybillError {
  return new WaybillError('Unsupported', `${what} is not there yet; nothing was sent`)
}

/** Everything about a call but its arguments, worked out once a callable. */
function resolve({ source, address, name, options }: Method, forAll = false): Request | WaybillError {
  const missing = NOT_YET.find((option) => options[option] !== undefined)
  if (missing !== undefined) return notYet(`the option ${missing}`)
  const other = forAll ? undefined : FOR_ALL.find((option) => (options[option] ?? false) !== false)
  if (other !== undefined) return new WaybillError('BadAddress', `the option ${other} is for .all(); nothing was sent`)
  const terms = source.definition?.methods.get(name)
  const timeout = options.timeout ?? terms?.timeout
  return {
    address: source.names.address(printAddress(address)),
    method: source.names.method(name),
    timeoutMs: timeout === undefined ? DEFAULT_TIMEOUT_MS : durationMs(timeout, 'timeout'),
    deadlineMs: options.deadline === undefined ? DEFAULT_DEADLINE_MS : durationMs(options.deadline, 'deadline'),
    signal: options.signal,
    data: options.data,
    errors: terms === undefined ? NO_ERRORS : [...(terms.errors ?? []), ...(source.definition!.terms.errors ?? [])],
  }
}

/** The address narrowed by options; what the options do not say stays. */
function withOptions(address: Address, options: RemoteOptions): Address {
  for (const name of Object.keys(options)) {
    if (!OPTIONS.has(name))
      throw new WaybillError('BadAddress', `there is no option ${JSON.stringify(name)}; there are ${[...OPTIONS].join(', ')}`)
  }
  const { on, version, where } = options
  return checkAddress({
    ...address,
    ...(on !== undefined && { client: on }),
    ...(version !== undefined && { range: version }),
    ...(where !== undefined && { where: { ...address.where, ...where } }),
  })
}
