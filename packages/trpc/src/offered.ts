/** What a router is made from: a contract, and for each call an object that answers it. Owns which objects there are. Must not know tRPC. */
import { contractOf, methodContract, WaybillError, type MethodContract, type ServiceContract, type ServiceDefinition } from '@waybill/core'

export interface Offered {
  readonly name: string
  readonly methods: ReadonlyMap<string, MethodContract>
  /** Whether the method is seen to give streams. */
  isGenerator(method: MethodContract): boolean
  take(): object
  /** Of what was taken for one call. */
  leave(object: object): Promise<void>
}

const kept = async (): Promise<void> => {}

/** Of an instance or a class. Throws `NotExposed`, and `Unsupported` for what needs a caller of Waybill's or a process of its own. */
export function offeredBy(target: object): Offered {
  const contract = contractOf(target)
  const { name, methods, instance } = contract
  const apart = [...methods.values()].find(({ isolate }) => isolate !== undefined)
  if (apart !== undefined)
    throw new WaybillError('Unsupported', `${name}.${apart.name} runs in a process of its own, which needs a client: expose it`)
  return { name, methods, isGenerator: ({ invoke }) => isGenerator(invoke), ...objectsOf(target, instance, name) }
}

function objectsOf(target: object, rule: ServiceContract['instance'], name: string): Pick<Offered, 'take' | 'leave'> {
  if (typeof target !== 'function') return { take: () => target, leave: kept }
  const make = (): object => new (target as new () => object)()
  switch (rule) {
    case 'call':
      return { take: make, leave: disposed }
    case 'shared': {
      let shared: object | undefined
      return { take: () => (shared ??= make()), leave: kept }
    }
    case 'session':
    case 'key':
      throw new WaybillError('Unsupported', `${name} has an object for each ${rule}, and tRPC has none: give an instance`)
  }
}

/** Of a definition, and whoever does the work: an object, or a remote. Throws `NotExposed` naming a method that is not there. */
export function offeredAs(definition: ServiceDefinition<never>, implementation: object): Offered {
  const { name, terms } = definition
  const generators = new Set<string>()
  const methods = new Map<string, MethodContract>()
  for (const [method, own] of definition.methods) {
    const found = (implementation as Readonly<Record<string, unknown>>)[method]
    if (typeof found !== 'function') throw new WaybillError('NotExposed', `${name}: the implementation has no method '${method}'`)
    if (isGenerator(found)) generators.add(method)
    const work = found as (...args: unknown[]) => unknown
    // A remote's methods know themselves, and have no `apply`.
    const invoke = function (this: object, ...args: unknown[]): unknown {
      return Reflect.apply(work, this, args)
    }
    methods.set(method, methodContract(name, method, invoke, own, terms.errors))
  }
  return { name, methods, isGenerator: (method) => generators.has(method.name), take: () => implementation, leave: kept }
}

function isGenerator(work: object): boolean {
  const { name } = work.constructor ?? {}
  return name === 'GeneratorFunction' || name === 'AsyncGeneratorFunction'
}

async function disposed(object: object): Promise<void> {
  const disposable = object as Partial<AsyncDisposable & Disposable>
  if (Symbol.asyncDispose in disposable) await disposable[Symbol.asyncDispose]!()
  else disposable[Symbol.dispose]?.()
}
