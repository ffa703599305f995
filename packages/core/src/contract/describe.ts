/** Owns the printed form of a contract: plain JSON for `describe`, the dashboard and other languages. Must not know the wire. */
import type { MethodContract, ServiceContract } from './contract.js'
import type { Schema } from './terms.js'

export interface ServiceDescription {
  readonly name: string
  readonly version: string
  readonly labels: Readonly<Record<string, string>>
  readonly instance: string
  readonly concurrency?: number
  readonly methods: readonly MethodDescription[]
}

/** What is known of a value: a primitive, `unknown`, its JSON Schema, or, where its schema does not give one, the vendor, as `schema:zod`. */
export type TypeDescription = string | Readonly<Record<string, unknown>>

export interface MethodDescription {
  readonly name: string
  readonly idempotent: boolean
  readonly timeoutMs?: number
  readonly concurrency?: number
  /** One for each parameter of which something is known. */
  readonly parameters?: readonly TypeDescription[]
  readonly returns?: TypeDescription
  /** Names of the classes of errors that travel as themselves. */
  readonly errors?: readonly string[]
  readonly isolate?: 'process'
  /** Whether it is asked for each call who may make it. */
  readonly guarded?: true
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
  const { name, idempotent, timeoutMs, concurrency, args, primitives, returns, errors, isolate, guard } = method
  const parameters = args?.map((schema) => describeSchema(schema, 'input')) ?? primitives?.map((type) => type ?? 'unknown')
  return {
    name,
    idempotent,
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(concurrency !== undefined && { concurrency }),
    ...(parameters && { parameters }),
    ...(returns && { returns: describeSchema(returns, 'output') }),
    ...(errors.length > 0 && { errors: errors.map((one) => one.name) }),
    ...(isolate && { isolate }),
    ...(guard && { guarded: true as const }),
  }
}

type Converter = (options: { readonly target: string }) => unknown

/** A vendor that cannot say it may throw; then its name has to do. */
function describeSchema(schema: Schema, side: 'input' | 'output'): TypeDescription {
  const standard = schema['~standard'] as Schema['~standard'] & { readonly jsonSchema?: Partial<Record<'input' | 'output', Converter>> }
  try {
    const json: unknown = JSON.parse(JSON.stringify(standard.jsonSchema?.[side]?.({ target: 'draft-2020-12' }) ?? null))
    if (typeof json === 'object' && json !== null) return json as Record<string, unknown>
  } catch {
    // Said below.
  }
  return `schema:${standard.vendor}`
}
