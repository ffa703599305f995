/** What the two processes of an isolated call say to each other. Values travel as bodies, so that they are what they would be on the wire. */
import { bodyBytes, parseBody, prepareBody } from '@waybill/core'
import type { BodyLimits, Caller, Code } from '@waybill/core'

/** A value as bytes. */
export interface Packed {
  readonly encoding: number
  readonly bytes: Uint8Array
}

/** The first message to the child, and the only one but for `abort`. */
export interface Run {
  readonly kind: 'run'
  /** The module, and the name of the class that it exports. */
  readonly module: string
  readonly className: string
  readonly limits: BodyLimits
  readonly call: {
    readonly sn: string
    readonly service: string
    readonly method: string
    readonly caller: Caller
    readonly attempt: number
    readonly parent: string | undefined
    /** Of the deadline, as clocks do not agree. */
    readonly leftMs: number | undefined
  }
  /** `Given`. */
  readonly given: Packed
}

export interface Given {
  readonly args: readonly unknown[]
  readonly construct: readonly unknown[]
  readonly data: unknown
}

export type ToChild =
  | Run
  | { readonly kind: 'abort'; readonly code: Code; readonly message: string }
  /** To `once`: do it, and say `ran` or `failed`. In the end it is recorded, or not. `asked` is the number of the question. */
  | { readonly kind: 'doIt'; readonly asked: number }
  | { readonly kind: 'recorded'; readonly asked: number; readonly value: Packed }
  | { readonly kind: 'notRecorded'; readonly asked: number; readonly code: Code; readonly message: string }

/** An error that the child's code threw, as far as it can travel. */
export interface ThrownThere {
  readonly xclass: string
  readonly message: string
  readonly xstate: Readonly<Record<string, unknown>> | undefined
  readonly stack: string | undefined
}

export type FromChild =
  | { readonly kind: 'progress' | 'returned'; readonly value: Packed }
  | { readonly kind: 'once'; readonly asked: number; readonly key: string }
  | { readonly kind: 'ran'; readonly asked: number; readonly value: Packed }
  /** It threw, which is the method's own business. */
  | { readonly kind: 'failed'; readonly asked: number }
  /** What is packed is `ThrownThere`; `unbuilt` by the module or the constructor, `undisposed` when the work was done. */
  | { readonly kind: 'threw' | 'unbuilt' | 'undisposed'; readonly error: Packed }
  /** The method did its work; its result cannot travel. */
  | { readonly kind: 'undeliverable'; readonly code: Code; readonly message: string; readonly details: unknown }

/** Throws `NotRepresentable` or `TooLarge`. */
export function pack(value: unknown, limits: BodyLimits, what: string): Packed {
  const prepared = prepareBody(value, limits, what)
  return { encoding: prepared.encoding, bytes: bodyBytes(prepared) }
}

export function unpack({ encoding, bytes }: Packed, limits: BodyLimits): unknown {
  return parseBody(encoding, bytes, limits, 'given')
}
