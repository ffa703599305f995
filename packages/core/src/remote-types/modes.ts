/** Owns the callable that stands for one remote method, in every semantics. Must not know how it is derived from the user's method. */
import type { Call, Fan, Prepared, StreamCall } from './call.js'
import type { Listener, Receipt } from './events.js'
import type { CallOptions } from './options.js'

/** The names of Function.prototype, declared private so that an editor does not offer them. Types only. */
declare class Bare {
  private readonly apply: never
  private readonly call: never
  private readonly bind: never
  private readonly caller: never
  private readonly name: never
  private readonly length: never
  private readonly arguments: never
  private readonly prototype: never
  private readonly toString: never
}

export interface Modes<A extends readonly unknown[], T> extends Bare {
  /** Resolves once the router has stored the call. */
  async(...args: A): Promise<Receipt<T>>
  /** Resolves once the bytes are handed over. No reply is ever produced. */
  send(...args: A): Promise<{ readonly sn: string }>
  /** Status, result or exception go to the listener. */
  callback(listener: Listener<T>, ...args: A): Promise<Receipt<T>>
  /** One call for each matching instance. */
  all(...args: A): Fan<T>
  /** The serial number is known before anything is sent; `fire()` sends it, once. */
  prepare(...args: A): Prepared<T>
  /** The same method with these options, over those it has. */
  with(options: CallOptions): this
}

export interface RemoteMethod<A extends readonly unknown[], T> extends Modes<A, T> {
  (...args: A): Call<T>
}

export interface StreamMethod<A extends readonly unknown[], S, Y> extends Modes<A, S> {
  (...args: A): StreamCall<S, Y>
}
