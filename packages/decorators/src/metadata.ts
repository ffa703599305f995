/**
 * Owns where decorators keep contracts: reflect-metadata, under our own keys, on the function **and** on (prototype, name), as another
 * decorator may put its own function in the method's place. Must not know what a contract means, nor which decorator writes.
 *
 * In standard mode the prototype does not exist yet when a method is decorated: until then the record waits in `context.metadata`.
 */
import 'reflect-metadata'
import { installContractStore, WaybillError, type ContractStore, type MethodRecord, type ServiceRecord } from '@waybill/core'

// Before any class that imports us is evaluated: tsc passes context.metadata only where this symbol exists, and Node 20 has it not.
if (!(Symbol as { metadata?: symbol }).metadata) Object.defineProperty(Symbol, 'metadata', { value: Symbol.for('Symbol.metadata') })

const methodKey = Symbol.for('waybill.method')
const serviceKey = Symbol.for('waybill.service')

type Members = Map<string, MethodRecord>
type Metadata = Record<PropertyKey, unknown>

interface WritableStore extends ContractStore {
  addService(prototype: object, record: ServiceRecord, metadata: Metadata | undefined): void
  addMember(prototype: object, name: string, record: MethodRecord): void
  addWaiting(metadata: Metadata | undefined, name: string, record: MethodRecord): void
  addMethod(method: object, record: MethodRecord): void
}

/** Of several copies of this package the first one's: they all write to and read from the same. */
export const store: WritableStore = installContractStore<WritableStore>({
  service: (prototype) => Reflect.getOwnMetadata(serviceKey, prototype) as ServiceRecord | undefined,
  member: (prototype, name) => memberOf(prototype, name) ?? waitingIn(metadataOf(prototype))?.get(name),
  method: (method) => Reflect.getOwnMetadata(methodKey, method) as MethodRecord | undefined,
  parameterTypes: (prototype, name) => Reflect.getOwnMetadata('design:paramtypes', prototype, name) as readonly unknown[] | undefined,

  addService(prototype, record, metadata) {
    Reflect.defineMetadata(serviceKey, record, prototype)
    for (const [name, waiting] of waitingIn(metadata) ?? []) Reflect.defineMetadata(methodKey, waiting, prototype, name)
  },
  addMember(prototype, name, record) {
    Reflect.defineMetadata(methodKey, merged(memberOf(prototype, name), record), prototype, name)
  },
  addWaiting(metadata, name, record) {
    // Without it a wrapper around a @Local method would expose it, so this may not pass in silence.
    if (!metadata) throw new WaybillError('Unsupported', `the compiler gives decorators no context.metadata, which '${name}' needs`)
    const members = waitingIn(metadata) ?? (new Map() as Members)
    metadata[methodKey] = members.set(name, merged(members.get(name), record))
  },
  addMethod(method, record) {
    const known = Reflect.getOwnMetadata(methodKey, method) as MethodRecord | undefined
    Reflect.defineMetadata(methodKey, merged(known, record), method)
  },
})

function memberOf(prototype: object, name: string): MethodRecord | undefined {
  return Reflect.getOwnMetadata(methodKey, prototype, name) as MethodRecord | undefined
}

/** A class's metadata inherits its ancestor's, as an undecorated class does its ancestor's metadata: only what is its own counts. */
function waitingIn(metadata: Metadata | undefined): Members | undefined {
  return metadata && Object.hasOwn(metadata, methodKey) ? (metadata[methodKey] as Members) : undefined
}

function metadataOf(prototype: object): Metadata | undefined {
  const owner: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value
  if (typeof owner !== 'function' || !Object.hasOwn(owner, Symbol.metadata)) return undefined
  return (owner as { [Symbol.metadata]?: Metadata })[Symbol.metadata]
}

/** Decorators run from the method outwards: the first `length` is the method's own, the last word on a term the outermost. */
function merged(known: MethodRecord | undefined, record: MethodRecord): MethodRecord {
  if (!known) return record
  const terms = known.terms || record.terms ? { terms: { ...known.terms, ...record.terms } } : {}
  return { ...record, ...known, ...terms }
}
