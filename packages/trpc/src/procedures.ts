/**
 * What both sides of a served tRPC app agree on: a service of three methods, one for each type of procedure, that take the path and the input. Owns
 * the shapes that travel. Must not know how procedures run, nor who calls them.
 *
 * Paths are arguments and not names of methods: those must be identifiers, of which a path is several; a router that is loaded late has procedures
 * that nobody can list; and a path that is not there is answered by the app, with its own error.
 */
import { service } from '@waybill/core'

export interface Procedures {
  /** The output, or a stream of outputs where the procedure gives an async iterable. Inputs and outputs are as the app's transformer wrote them. */
  query(path: string, input?: unknown): unknown
  mutation(path: string, input?: unknown): unknown
  /** The stream is there when the procedure has begun; what it refuses before is its exception. */
  subscription(path: string, input?: unknown): Promise<AsyncIterable<Item>>
}

/** One event of a subscription; the last one, where its server wants it to be begun again elsewhere, says so and has none. */
export type Item =
  | {
      readonly data?: unknown
      /** Of an event that is `tracked`. */
      readonly id?: string
    }
  | { readonly elsewhere: true }

export function isStream(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}

/** What a procedure threw. It travels as itself, with the error's shape as the app's formatter made it and its transformer wrote it. */
export class TrpcFailure extends Error {
  // By this name the other side knows it, also where a minifier renames classes.
  static override readonly name = 'TrpcFailure'
  readonly shape: unknown

  constructor(message: string, shape: unknown) {
    super(message)
    this.shape = shape
  }
}

/** A query may run more than once for one call, as it does over HTTP. */
export function proceduresOf(name: string, terms: { readonly labels?: Readonly<Record<string, string>>; readonly concurrency?: number }) {
  return service<Procedures>(name, { query: { idempotent: true }, mutation: {}, subscription: {} }, { ...terms, errors: [TrpcFailure] })
}
