/** What this client offers: contracts with the objects that do the work. Owns which instance answers a call, and how many run at once. */
import {
  contractOf,
  contractOfService,
  DESCRIBE,
  describeContract,
  Flag,
  isFunctionService,
  methodContract,
  WaybillError,
  type MethodContract,
  type ServiceContract,
  type ServiceDefinition,
} from '@waybill/core'
import type { Isolation, IsolatedCall, Origin } from './isolate/isolation.js'
import { Objects, type Held, type Wanted } from './objects.js'

/** A method at work somewhere, counted. */
export interface Slots {
  running: number
  readonly most: number
}

/** Told what an object of a service threw where nobody waits for it. */
export type Report = (service: string, error: unknown) => void

export class Exposure {
  readonly contract: ServiceContract
  /** The router's symbol for it in this session, 0 while it is not offered. */
  symbol = 0
  readonly bySymbol = new Map<number, MethodContract>()
  readonly #objects: Objects
  readonly #describing: MethodContract
  /** Where the class of isolated methods is found; undefined where there are none. */
  readonly #origin: Origin | undefined
  #isolation: Isolation | undefined
  readonly #slots: Slots
  readonly #methodSlots = new Map<string, Slots>()
  readonly #generators = new Set<string>()

  constructor(contract: ServiceContract, target: object, report: Report) {
    this.contract = contract
    const { name, instance } = contract
    this.#objects = new Objects({ service: name, target, rule: instance, report: (error) => report(name, error) })
    this.#origin = [...contract.methods.values()].some(({ isolate }) => isolate) ? originOf(contract, target) : undefined
    this.#describing = methodContract(name, DESCRIBE, () => describeContract(contract), { idempotent: true })
    this.#slots = { running: 0, most: contract.concurrency ?? Number.POSITIVE_INFINITY }
    for (const method of contract.methods.values()) {
      if (method.concurrency !== undefined) this.#methodSlots.set(method.name, { running: 0, most: method.concurrency })
      if (isGenerator(method.invoke)) this.#generators.add(method.name)
    }
  }

  /** What the router is told. */
  get offer(): Record<string, unknown> {
    const { name, version, labels, concurrency, methods } = this.contract
    const idempotent = [...methods.values()].filter((method) => method.idempotent).map((method) => method.name)
    return {
      service: name,
      version,
      labels: { ...labels },
      methods: [...methods.keys()],
      ...(idempotent.length > 0 && { idempotent }),
      ...(concurrency !== undefined && { concurrency }),
      ...(this.contract.instance === 'session' && { perCaller: true }),
    }
  }

  learn(symbol: number, methods: readonly number[]): void {
    this.symbol = symbol
    this.bySymbol.clear()
    let index = 0
    for (const method of this.contract.methods.values()) {
      const own = methods[index++] ?? 0
      // A router whose table is full gives 0, and such a method is called by its name.
      if (own !== 0) this.bySymbol.set(own, method)
    }
  }

  /** It would give a stream where none can go. */
  cannotStream(method: MethodContract, flags: number): boolean {
    return this.#generators.has(method.name) && (method.isolate !== undefined || (flags & Flag.durable) !== 0)
  }

  /** What is called by its name. Describing the service needs no object of the user's, and runs none of their code. */
  byName(name: string): MethodContract | undefined {
    return name === DESCRIBE ? this.#describing : this.contract.methods.get(name)
  }

  /** The object that answers one call, to be given back by `leave`. Throws what the call is to be refused with, or `Unbuilt`. */
  take(call: Wanted & { readonly contract: MethodContract }): Held {
    const needsNone = call.contract === this.#describing || call.contract.isolate !== undefined
    return needsNone ? this.#objects.none : this.#objects.take(call)
  }

  /** Whether some of its methods run in processes of their own; then it has to be told how. */
  get isIsolated(): boolean {
    return this.#origin !== undefined
  }

  isolate(isolation: Isolation): void {
    this.#isolation = isolation
    if (this.contract.concurrency !== undefined) return
    for (const { name, isolate, concurrency } of this.contract.methods.values()) {
      if (isolate !== undefined && concurrency === undefined) this.#methodSlots.set(name, isolation.slots)
    }
  }

  /** Runs an isolated method. */
  runApart(call: IsolatedCall): Promise<unknown> {
    return this.#isolation!.run(call, this.#origin!)
  }

  leave(held: Held): void {
    this.#objects.leave(held)
  }

  callerGone(source: number): void {
    this.#objects.callerGone(source)
  }

  callersGone(): void {
    this.#objects.callersGone()
  }

  /** It was taken back: what it keeps is dropped. */
  retire(): void {
    this.#objects.retire()
  }

  hasRoom(method: MethodContract): boolean {
    const own = this.#methodSlots.get(method.name)
    return this.#slots.running < this.#slots.most && (own === undefined || own.running < own.most)
  }

  /** Takes a place, or gives it back. */
  count(method: MethodContract, change: 1 | -1): void {
    this.#slots.running += change
    const own = this.#methodSlots.get(method.name)
    if (own !== undefined) own.running += change
  }
}

/** The contract of whatever `expose` was given. Throws `NotExposed`. */
export function exposureOf(target: object, implementation: object | undefined, report: Report): Exposure {
  if (!isObject(target)) throw new WaybillError('NotExposed', 'expose() takes an object, a class, or what service() or functions() gave')
  if (implementation === undefined && isFunctionService(target)) return exposureOf(target, target.implementation, report)
  if (implementation === undefined) return new Exposure(contractOf(target), target, report)
  return new Exposure(contractOfService(target as ServiceDefinition<never>, implementation), implementation, report)
}

function isObject(value: unknown): boolean {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}

/** Its calls certainly give streams. */
function isGenerator(invoke: (...args: never) => unknown): boolean {
  const { name } = invoke.constructor
  return name === 'GeneratorFunction' || name === 'AsyncGeneratorFunction'
}

/** Another process makes the object, so it has to know the class. */
function originOf({ name, module, instance }: ServiceContract, target: object): Origin {
  const refused = (why: string): WaybillError => new WaybillError('NotExposed', `${name} has isolated methods: ${why}`)
  if (typeof target !== 'function') throw refused('expose its class, as a process of its own makes an object of its own')
  if (instance !== 'call') throw refused(`they cannot share an object for each ${instance}; take instance 'call'`)
  if (module === undefined) throw refused('say module: import.meta.url in @Remote or service(), in the module that exports the class')
  return { module, className: target.name }
}
