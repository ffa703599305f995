/**
 * `remote<T>()`: the typed proxy. It has the user's methods and nothing else: it answers neither `then` nor `toJSON` nor symbols, has no keys,
 * and nothing that merely looks at it sends anything. Owns the callables and their options; calls are made elsewhere.
 */
import { checkAddress, installRefusal, isReserved, parseAddress, printAddress, WaybillError } from '@waybill/core'
import type { Address, Call, CallOptions, Fan, Listener, Prepared, RemoteOptions, ServiceDefinition } from '@waybill/core'
import type { LiveCall } from './call.js'
import type { Fans } from './fans.js'
import type { Names } from './names.js'
import type { Sent } from './one-way.js'
import { isListener, report } from './receipt.js'
import { requestOf, type Request, type Target, type Wanted } from './request.js'

export interface Starter {
  start(request: Request, args: readonly unknown[], counter?: number): LiveCall<unknown>
  prepare(): number
  serialNumber(counter: number): string
  /** Throws; then nothing was sent. */
  send(request: Request, args: readonly unknown[]): Sent
}

const OPTIONS: ReadonlySet<string> = new Set([
  'timeout',
  'deadline',
  'retry',
  'ttl',
  'key',
  'sticky',
  'orderKey',
  'policy',
  'named',
  'signal',
  'data',
  'on',
  'where',
  'version',
  'durable',
  'first',
  'quorum',
  'hedge',
  'construct',
])

interface Source {
  readonly starter: Starter
  readonly fans: Fans
  readonly names: Names
  /** What both sides know of the service, where the proxy was made from its definition. */
  readonly definition?: Pick<ServiceDefinition<object>, 'methods' | 'terms'>
}

type Callable = ((...args: unknown[]) => Call<unknown>) & { readonly [METHOD]: Method }

/** What a callable calls. */
const METHOD = Symbol('method')

interface Method extends Target {
  readonly starter: Starter
  readonly fans: Fans
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
      const { starter, fans, names, definition } = source
      const callable = callableOf({ starter, fans, names, definition, address: parsed, method: name, options })
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
  const request = requestOf(method, 'live')
  const { starter } = method
  const call = (...args: unknown[]): Call<unknown> => starter.start(request, args)
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
      const { address, method } = this[METHOD]
      return `${printAddress(address)}.${method}`
    },
    with(this: Callable, options: CallOptions): Callable {
      const method = this[METHOD]
      return callableOf({ ...method, address: withOptions(method.address, options), options: { ...method.options, ...options } })
    },
    async(this: Callable, ...args: unknown[]): Promise<unknown> {
      const method = this[METHOD]
      return method.starter.start(requestFor(method, 'stored'), args)
    },
    send(this: Callable, ...args: unknown[]): Promise<{ readonly sn: string }> {
      const method = this[METHOD]
      try {
        const { sn, written } = method.starter.send(requestFor(method, 'send'), args)
        return written === undefined ? Promise.resolve({ sn }) : written.then(() => ({ sn }))
      } catch (thrown) {
        return Promise.reject(WaybillError.from(thrown, 'no'))
      }
    },
    async callback(this: Callable, listener: Listener<unknown>, ...args: unknown[]): Promise<unknown> {
      const method = this[METHOD]
      if (!isListener(listener)) {
        throw new WaybillError(
          'BadAddress',
          'callback() takes its listener first: a function, an object with functions such as result, or { replyto }',
        )
      }
      if (typeof listener === 'object' && 'replyto' in listener) {
        return method.starter.start(requestOf(method, 'stored', listener.replyto), args)
      }
      const live = method.starter.start(requestFor(method, 'durable'), args)
      report(live, listener)
      return live.receipt
    },
    prepare(this: Callable, ...args: unknown[]): Prepared<unknown> {
      const method = this[METHOD]
      const counter = method.starter.prepare()
      const sn = method.starter.serialNumber(counter)
      let fired = false
      return {
        sn,
        fire() {
          if (fired) throw new WaybillError('Rejected', `the call ${sn} was fired before; a serial number names one call`)
          fired = true
          return method.starter.start(requestFor(method, 'live'), args, counter)
        },
      }
    },
    all(this: Callable, ...args: unknown[]): Fan<unknown> {
      const { fans, address, method, options } = this[METHOD]
      return fans.start({ address: printAddress(address), method, request: () => requestFor(this[METHOD], 'live'), options }, args)
    },
  }),
)

/** Worked out once for each callable and semantics. */
const requests = new WeakMap<Method, Partial<Record<Wanted, Request>>>()

function requestFor(method: Method, wanted: Wanted): Request {
  let known = requests.get(method)
  if (known === undefined) requests.set(method, (known = {}))
  return (known[wanted] ??= requestOf(method, wanted))
}

/** The address narrowed by options; what the options do not say stays. */
function withOptions(address: Address, options: RemoteOptions): Address {
  for (const name of Object.keys(options)) {
    if (!OPTIONS.has(name))
      throw new WaybillError('BadAddress', `there is no option ${JSON.stringify(name)}; there are ${[...OPTIONS].join(', ')}`)
  }
  const { on, version, where } = options
  if (where !== undefined && (typeof where !== 'object' || where === null || Array.isArray(where)))
    throw new WaybillError('BadAddress', "where is an object of labels with their values, such as { region: 'eu' }")
  return checkAddress({
    ...address,
    ...(on !== undefined && { client: on }),
    ...(version !== undefined && { range: version }),
    ...(where !== undefined && { where: { ...address.where, ...where } }),
  })
}
