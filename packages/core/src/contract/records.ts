/**
 * Owns the port through which contracts are read that decorators wrote. Must not know decorators, their two modes or reflect-metadata:
 * `@waybill/decorators` installs the store. The slot is on `globalThis` under `Symbol.for`, so two copies of either package agree.
 */
import type { MethodTerms, ServiceTerms } from './terms.js'

/** What decorators said about one method. Both may be present: that is the author's mistake, told when the class is exposed. */
export interface MethodRecord {
  readonly local?: boolean
  readonly terms?: MethodTerms
  /** `length` of the method itself, which a wrapper put around it may hide: parameters before the first default or rest. */
  readonly length?: number
}

export interface ServiceRecord {
  /** The name that the class had when it was decorated. */
  readonly className: string
  readonly terms: ServiceTerms
}

/** Reads exactly what was recorded on the given object, never what it inherits. */
export interface ContractStore {
  service(prototype: object): ServiceRecord | undefined
  /** Recorded on (prototype, name): another decorator may have wrapped the function. */
  member(prototype: object, name: string): MethodRecord | undefined
  /** Recorded on the function: it may stand under another name, or in another class. */
  method(method: object): MethodRecord | undefined
  /** `design:paramtypes`, where the compiler emitted it. */
  parameterTypes(prototype: object, name: string): readonly unknown[] | undefined
}

const key = Symbol.for('waybill.contracts')
const shared = globalThis as { [key]?: ContractStore }

/** The store that is there first stays; the caller gets and uses that one. */
export function installContractStore<Store extends ContractStore>(store: Store): Store {
  return (shared[key] ??= store) as Store
}

/** Undefined until a decorator has been imported: then no class has a contract. */
export function contractStore(): ContractStore | undefined {
  return shared[key]
}
