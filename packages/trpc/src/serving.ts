/**
 * The operations of a served app, from the arguments of their calls to the app's outputs: one procedure each, run as tRPC's own adapters do. Owns how
 * contexts are made, and errors told. Must not know when the app is taken back.
 */
import {
  callTRPCProcedure,
  getTRPCErrorFromUnknown,
  getTRPCErrorShape,
  isTrackedEnvelope,
  TRPCError,
  type AnyTRPCProcedure,
  type AnyTRPCRouter,
  type inferRouterContext,
  type TRPCCombinedDataTransformer,
  type TRPCProcedureType,
} from '@trpc/server'
import type { TRPCRequestInfo } from '@trpc/server/http'
import { isObservable, observableToAsyncIterable } from '@trpc/server/observable'
import { TRPC_ERROR_CODES_BY_KEY } from '@trpc/server/rpc'
import { currentCall, type CurrentCall } from '@waybill/core'
import { Departures } from './departures.js'
import { Emission, type EmissionParts } from './emission.js'
import { jsonOf } from './json.js'
import { isStream, TrpcFailure, type Item, type Procedures } from './procedures.js'
import type { ServeTrpcOptions } from './serve-types.js'

/** An operation under way. */
interface Running<R extends AnyTRPCRouter> {
  readonly type: TRPCProcedureType
  readonly path: string
  readonly call: CurrentCall
  readonly signal: AbortSignal
  input: unknown
  ctx: inferRouterContext<R> | undefined
}

export class Serving<R extends AnyTRPCRouter> {
  readonly #router: R
  readonly #options: ServeTrpcOptions<R> | undefined
  readonly #departures = new Departures()
  readonly procedures: Procedures = {
    query: (path, input) => this.#operate('query', path, input),
    mutation: (path, input) => this.#operate('mutation', path, input),
    subscription: (path, input) => this.#subscribe(path, input),
  }

  constructor(router: R, options: ServeTrpcOptions<R> | undefined) {
    this.#router = router
    this.#options = options
  }

  /** Subscriptions, those that still come too, are to begin again elsewhere. */
  leave(): void {
    this.#departures.leave()
  }

  /** Resolves when nothing runs. */
  ended(): Promise<void> {
    return this.#departures.empty()
  }

  async #operate(type: 'query' | 'mutation', path: string, input: unknown): Promise<unknown> {
    const call = currentCall()
    const running: Running<R> = { type, path, call, signal: abortingWith(call).signal, input: undefined, ctx: undefined }
    const over = this.#departures.enter()
    try {
      const output = await this.#run(running, input)
      if (isStream(output)) return this.#emission(output, running, over, (value) => this.#written(value, running))
      const written = this.#written(output, running)
      over()
      return written
    } catch (thrown) {
      over()
      throw this.#failure(thrown, running)
    }
  }

  async #subscribe(path: string, input: unknown): Promise<AsyncIterable<Item>> {
    const call = currentCall()
    const aborting = abortingWith(call)
    const { signal } = aborting
    const running: Running<R> = { type: 'subscription', path, call, signal, input: undefined, ctx: undefined }
    let emission: Emission<Item> | undefined
    let hasLeft = false
    const over = this.#departures.enter(() => {
      hasLeft = true
      emission?.leave({ elsewhere: true })
      // It ends as it does when its reader has gone.
      aborting.abort()
    })
    try {
      const output = await this.#run(running, input)
      const source = isObservable(output) ? observableToAsyncIterable(output, signal) : output
      if (!isStream(source)) {
        const message = `The subscription ${path} gave neither an async iterable nor an observable`
        throw new TRPCError({ code: 'INTERNAL_SERVER_ERROR', message })
      }
      emission = this.#emission(source, running, over, (value, isLast) => (isLast ? {} : this.#event(value, running)))
      if (hasLeft) emission.leave({ elsewhere: true })
      return emission
    } catch (thrown) {
      over()
      throw this.#failure(thrown, running)
    }
  }

  #emission<T>(source: AsyncIterable<unknown>, running: Running<R>, over: () => void, written: EmissionParts<T>['written']): Emission<T> {
    return new Emission({ source, written, failure: (thrown) => this.#failure(thrown, running), over })
  }

  /** The output of the procedure. */
  async #run(running: Running<R>, written: unknown): Promise<unknown> {
    const { type, path, call, signal } = running
    running.input = read(written, this.#config.transformer)
    const getRawInput = (): Promise<unknown> => Promise.resolve(running.input)
    const createContext = this.#options?.createContext
    if (createContext !== undefined) running.ctx = await createContext({ info: this.#info(running, getRawInput), call })
    return await callTRPCProcedure({ router: this.#router, path, getRawInput, ctx: running.ctx, type, signal, batchIndex: 0 })
  }

  #info({ type, path, input, signal }: Running<R>, getRawInput: () => Promise<unknown>): TRPCRequestInfo {
    const procedures = this.#router._def.procedures as Readonly<Record<string, AnyTRPCProcedure | undefined>>
    return {
      accept: null,
      type,
      isBatchCall: false,
      calls: [{ path, getRawInput, result: () => input, procedure: procedures[path] ?? null, batchIndex: 0 }],
      connectionParams: null,
      signal,
      url: null,
    }
  }

  // ---- what travels

  #event(value: unknown, running: Running<R>): Item {
    if (!isTrackedEnvelope(value)) return { data: this.#written(value, running) }
    const [id, data] = value
    return { id, data: this.#written(data, running) }
  }

  /** Throws where JSON cannot say it. */
  #written(output: unknown, { path, type }: Running<R>): unknown {
    if (hasLater(output)) {
      const message = `The ${type} ${path} gave promises or streams inside its output; a stream can only be the output itself`
      throw new TRPCError({ code: 'UNSUPPORTED_MEDIA_TYPE', message })
    }
    return jsonOf(this.#config.transformer.output.serialize(output))
  }

  // ---- errors

  /** What its caller is told; the app is told first, but for an end that was asked for. */
  #failure(thrown: unknown, running: Running<R>): TrpcFailure {
    const { type, path, input, ctx, signal } = running
    const error = getTRPCErrorFromUnknown(thrown)
    if (!signal.aborted || (error.cause as Partial<Error> | undefined)?.name !== 'AbortError') this.#report(error, running)
    try {
      const shape = getTRPCErrorShape({ config: this.#config, error, type, path, input, ctx })
      return new TrpcFailure(shape.message, jsonOf(this.#config.transformer.output.serialize(shape)))
    } catch (cause) {
      this.#report(getTRPCErrorFromUnknown(cause), running)
      return new TrpcFailure(fallback.message, jsonOf(this.#config.transformer.output.serialize(fallback)))
    }
  }

  #report(error: TRPCError, { type, path, input, ctx, call }: Running<R>): void {
    try {
      this.#options?.onError?.({ error, type, path, input, ctx, call })
    } catch {
      // An app that cannot be told has told us nothing that a caller may know.
    }
  }

  get #config(): AnyTRPCRouter['_def']['_config'] {
    return this.#router._def._config
  }
}

/** Aborts with the call, and as tRPC's own adapters do, by which apps know it; the call's own signal has the reason. */
function abortingWith({ signal }: CurrentCall): AbortController {
  const aborting = new AbortController()
  if (signal.aborted) aborting.abort()
  else signal.addEventListener('abort', () => aborting.abort(), { once: true })
  return aborting
}

/** Where the app's formatter fails. It says nothing of what the formatter would have hidden. */
const fallback = {
  message: 'Internal server error',
  code: TRPC_ERROR_CODES_BY_KEY.INTERNAL_SERVER_ERROR,
  data: { code: 'INTERNAL_SERVER_ERROR', httpStatus: 500 },
}

/** What tRPC streams within an output over HTTP: found where it looks for it. */
function hasLater(output: unknown): boolean {
  if (typeof output !== 'object' || output === null || Array.isArray(output)) return false
  return Object.values(output).some((value) => isStream(value) || isPromise(value))
}

function isPromise(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

function read(written: unknown, { input }: TRPCCombinedDataTransformer): unknown {
  try {
    return written === undefined ? undefined : input.deserialize(written)
  } catch (cause) {
    throw new TRPCError({ code: 'PARSE_ERROR', message: 'The input is not as the transformer writes it', cause })
  }
}
