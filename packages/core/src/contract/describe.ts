/** Owns the printed form of a contract: plain JSON for `describe`, the dashboard and other languages. Must not know the wire. */
import type { MethodContract, ServiceContract } from './contract.js'

export interface ServiceDescription {
  readonly name: string
  readonly version: string
  readonly labels: Readonly<Record<string, string>>
  readonly instance: string
  readonly concurrency?: number
  readonly methods: readonly MethodDescription[]
}

export interface MethodDescription {
  readonly name: string
  readonly idempotent: boolean
  readonly timeoutMs?: number
  readonly concurrency?: number
  /** One for each parameter of which something is known: a primitive, `unknown`, or the vendor of its schema, as `schema:zod`. */
  readonly parameters?: readonly string[]
  readonly returns?: string
  /** Names of the classes of errors that travel as themselves. */
  readonly errors?: readonly string[]
}

export function describeContract(contract: ServiceContract): ServiceDescription {
  const { name, version, labels, instance, concurrency, methods } = contract
  return {
    name,
    version,
    labels: { ...labels },
    instance,
    ...(concurrency !== undefined && { concurrency }),
    methods: [...methods.values()].map(describeMethod),
  }
}

function describeMethod(method: MethodContract): MethodDescription {
  const { name, idempotent, timeoutMs, concurrency, args, primitives, returns, errors } = method
  const parameters = args?.map((schema) => `schema:${schema['~standard'].vendor}`) ?? primitives?.map((type) => type ?? 'unknown')
  return {
    name,
    idempotent,
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(concurrency !== undefined && { concurrency }),
    ...(parameters && { parameters }),
    ...(returns && { returns: `schema:${returns['~standard'].vendor}` }),
    ...(errors.length > 0 && { errors: errors.map((one) => one.name) }),
  }
}
