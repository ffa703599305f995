/** What this client offers: contracts with the objects that do the work. Owns which instance answers a call, and how many run at once. */
import {
  contractOf,
  contractOfService,
  WaybillError,
  type MethodContract,
  type ServiceContract,
  type ServiceDefinition,
} from '@waybill/core'

type Constructor = new () => object

/** A method at work somewhere, counted. */
export interface Slots {
  running: number
  readonly most: number
}

export class Exposure {
  readonly contract: ServiceContract
  /** The router's symbol for it in this session, 0 while it is not offered. */
  symbol = 0
  readonly bySymbol = new Map<number, MethodContract>()
  readonly #target: object
  readonly #slots: Slots
  readonly #methodSlots = new Map<string, Slots>()
  readonly #generators = new Set<string>()

  constructor(contract: ServiceContract, target: object) {
    if (contract.instance === 'session' || contract.instance === 'key') {
      throw new WaybillError(
        'Unsupported',
        `${contract.name}: an instance per ${contract.instance} is not there yet; expose an instance or take 'call'`,
      )
    }
    this.contract = contract
    this.#target = target
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

  streams(method: MethodContract): boolean {
    return this.#generators.has(method.name)
  }

  /** The object that answers one call: the exposed one, or a new one where a class was exposed. */
  instance(): object {
    return typeof this.#target === 'function' ? new (this.#target as Constructor)() : this.#target
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
export function exposureOf(target: object, implementation: object | undefined): Exposure {
  if (implementation === undefined) return new Exposure(contractOf(target), target)
  return new Exposure(contractOfService(target as ServiceDefinition<never>, implementation), implementation)
}

/** Its calls would give streams, which are not there yet: refused before they start. */
function isGenerator(invoke: (...args: never) => unknown): boolean {
  const { name } = invoke.constructor
  return name === 'GeneratorFunction' || name === 'AsyncGeneratorFunction'
}
