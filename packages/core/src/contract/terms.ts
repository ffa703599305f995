/** Owns what an author writes into `@Remote`, `@Method` and `service()`. Must not know how it was written down or where it is kept. */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { CurrentCall } from '../current-call/index.js'
import type { Duration } from '../remote-types/index.js'

/** Any Standard Schema: zod, valibot, arktype. Input and output are the same on the wire. */
export type Schema = StandardSchemaV1
export type SchemaInput<S extends Schema> = StandardSchemaV1.InferInput<S>
export type SchemaOutput<S extends Schema> = StandardSchemaV1.InferOutput<S>

/** A class of errors, whatever its constructor takes. */
export type ErrorClass = abstract new (...args: never) => Error

/** Whose instance answers: one for all, one for each call, for each caller's session, or for each key. */
export type InstanceRule = 'shared' | 'call' | 'session' | 'key'

/** What is said of one method, apart from its schemas. */
export interface MethodConditions {
  /** It may run more than once for one call: then it is redelivered when a worker dies, and retried on `maybe`. */
  readonly idempotent?: boolean
  /** Idle time for its calls where the caller says nothing. */
  readonly timeout?: Duration
  /** How many of its calls run at once, in one instance's process. */
  readonly concurrency?: number
  /** Classes of errors that travel as themselves, with their fields. */
  readonly errors?: readonly ErrorClass[]
  /**
   * Each call runs in a process of its own, which is killed where it does not end after a cancel. Only on Node, only where a class is exposed,
   * and the service must say its `module`.
   */
  readonly isolate?: 'process'
  /**
   * Asked before each call starts, with the arguments as they were checked: `true` lets it start. Anything else is `Forbidden`, and so is what
   * it throws, but for a `Forbidden`, `Unauthorized` or `Rejected` of its own.
   */
  guard?(call: CurrentCall, args: readonly unknown[]): boolean | PromiseLike<boolean>
}

export interface MethodTerms extends MethodConditions {
  /** One schema for each parameter, in order. */
  readonly args?: readonly Schema[] | undefined
  /** What the result, awaited, must be. */
  readonly returns?: Schema | undefined
}

/** What is said of a class. */
export interface ServiceTerms {
  /** Default: the name of the class. Must be given where a minifier renames classes. */
  readonly name?: string
  /** `x.y.z`, with a prerelease if you like. Default `0.0.0`. */
  readonly version?: string
  readonly labels?: Readonly<Record<string, string>>
  /** For `expose(Class)`; default `call`. An exposed instance is always shared. */
  readonly instance?: InstanceRule
  /** How many calls run at once, in one process. */
  readonly concurrency?: number
  /** Classes of errors that travel as themselves, with their fields, from any of its methods. */
  readonly errors?: readonly ErrorClass[]
  /** `import.meta.url` of the module that exports the class: a process for an isolated method imports it from there. */
  readonly module?: string
}
