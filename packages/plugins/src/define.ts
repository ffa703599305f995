/**
 * What a plugin is to its author: a module that exports `plugin`, a name and what may be asked of it. A module in plain JavaScript needs none of these
 * functions, as they give back what they are given: they are for types. Must not know how a plugin is found or called.
 */
import type { CurrentCall } from '@waybill/core'
import type { SentPayload } from './payload.js'

/** How an action gets what it was sent. */
export interface Inputs {
  /** All of it. */
  readonly bytes: Uint8Array
  /** Piece by piece as it arrives: who sends is never far ahead of who reads. */
  readonly buffer: AsyncIterable<Uint8Array>
  /** The path of a file that has all of it; it is gone when the action has ended. */
  readonly file: string
}

export type Input = keyof Inputs

export interface ActionTerms<I extends Input = Input> {
  readonly input: I
  /** More than that is refused. Default: 8 MiB of `bytes`, 1 GiB of a `file`; a `buffer` has no bound, as nobody keeps it. */
  readonly maxInputBytes?: number
  /** How many run at once; the others wait. Default: no bound. */
  readonly concurrency?: number
}

export interface Action<I extends Input = Input, R = unknown> extends ActionTerms<I> {
  /**
   * Each value of a generator, or of another stream, is a response, sent when it is there and taken by whoever asked as fast as he likes; any other value but
   * undefined is the only one. What it throws is the last word. `call.signal` aborts where nobody waits any longer.
   */
  run(input: Inputs[I], call: CurrentCall): R
}

export interface Plugin {
  /** The first half of a directive: letters, digits, `_` and `-`. */
  readonly name: string
  /** Default `0.0.0`. */
  readonly version?: string
  /** What may be asked of it, by the second half; nothing else may. */
  readonly actions: Readonly<Record<string, Action>>
}

/** `action({ input: 'bytes' }, (bytes) => …)` */
export function action<I extends Input, R>(terms: ActionTerms<I>, run: (input: Inputs[I], call: CurrentCall) => R): Action<I, R> {
  return { ...terms, run }
}

/** `export const plugin = definePlugin({ name: 'sleep', actions: { execute: action(…) } })` */
export function definePlugin<P extends Plugin>(plugin: P): P {
  return plugin
}

/** One response, where it gives one; each, where it gives many. */
type Responses<R> = R extends AsyncIterable<infer Y> ? Y : R extends Iterator<infer Y> ? Y : R

/** What a plugin is to `client.remote<PluginService<typeof plugin>>('plugins.sleep')`. */
export type PluginService<P extends Plugin> = {
  readonly [A in keyof P['actions']]: P['actions'][A] extends Action<Input, infer R>
    ? (payload?: SentPayload) => AsyncGenerator<Responses<Awaited<R>>, void>
    : never
}
