/** Owns `Remote<T>`: how a class or interface looks from far away. Must not know what is exposed at run time: that is `contract`. */
import type { Modes, RemoteMethod, StreamMethod } from './modes.js'
import type { RemoteObject } from './remote-object.js'

/** Not exported: never offered by completion. Remembers the class, so that a proxy fits where the class is asked for by reference. */
declare const origin: unique symbol

type AnyFunction = (...args: never) => unknown

/** What arrives here when the method over there returns R. Only the top level is mapped: write `Remote<Cat>` for what is nested. */
export type Received<R> = R extends RemoteObject ? Remote<R> : R extends AnyFunction ? RemoteFunction<R> : R
type RemoteFunction<F> = F extends (...args: infer A) => infer R ? (...args: A) => Promise<Received<Awaited<R>>> : never

/** What may be given here for the arguments A over there. */
export type Sent<A extends readonly unknown[]> = { [I in keyof A]: SentOne<A[I]> }
type SentOne<P> = 0 extends 1 & P
  ? P
  : P extends { readonly [origin]?: infer O }
    ? typeof origin extends keyof P
      ? P | O
      : P
    : P extends RemoteObject
      ? P | Remote<P>
      : P extends (...args: infer A) => infer R
        ? (...args: A) => R | Awaited<R>
        : P

/** The callable for arguments A and declared result R. `0 extends 1 & R` finds any; the brackets keep unions and never whole. */
type Callable<A extends readonly unknown[], R> = 0 extends 1 & R
  ? RemoteMethod<A, R>
  : [Awaited<R>] extends [AsyncIterable<infer Y>]
    ? [R] extends [never]
      ? RemoteMethod<A, never>
      : StreamMethod<A, Awaited<R>, Y>
    : [Awaited<R>] extends [Iterator<infer Y, infer Return, infer Next>]
      ? StreamMethod<A, AsyncGenerator<Y, Return, Next>, Y>
      : RemoteMethod<A, Received<Awaited<R>>>

/**
 * The middle branch is the plain method: nothing is lost by inferring it. What is left has overloads or type parameters. Methods are
 * compared bivariantly, so a lost `K extends keyof T` passes there: it is known by the parameter of type never that it left behind.
 */
type MethodOf<F> = F extends (...args: infer A) => infer R
  ? true extends Lost<A>
    ? Several<F>
    : ((...args: A) => R) extends F
      ? Callable<Sent<A>, R>
      : Several<F>
  : never
type Lost<A extends readonly unknown[]> = { [I in keyof A]: [A[I]] extends [never] ? true : false }[number]

/** Up to four overloads. When the inferences agree there was one signature only: a generic one. */
type Several<F> = F extends {
  (...a: infer A1): infer R1
  (...a: infer A2): infer R2
  (...a: infer A3): infer R3
  (...a: infer A4): infer R4
}
  ? [A1, R1] extends [A4, R4]
    ? [A4, R4] extends [A1, R1]
      ? Generic<F>
      : Joined<A1, R1, A2, R2, A3, R3, A4, R4>
    : Joined<A1, R1, A2, R2, A3, R3, A4, R4>
  : Generic<F>

type Joined<A1 extends unknown[], R1, A2 extends unknown[], R2, A3 extends unknown[], R3, A4 extends unknown[], R4> = Callable<
  Sent<A1>,
  R1
> &
  Callable<Sent<A2>, R2> &
  Callable<Sent<A3>, R3> &
  Callable<Sent<A4>, R4>

/** No type can keep type parameters and change the result. A method that returns a promise keeps itself; else they become unknown. */
type Generic<F> = F extends (...args: infer A) => infer R
  ? R extends PromiseLike<unknown> | AsyncIterable<unknown>
    ? F & Modes<A, Awaited<R>>
    : Callable<Sent<A>, R>
  : never

// oxlint-disable-next-line typescript/no-wrapper-object-types -- the names of Object.prototype are meant
type Reserved = `_${string}` | 'constructor' | 'then' | 'toJSON' | keyof Object

/** Names of the public methods of T, without those that are never exposed. */
export type MethodNames<T> = {
  [K in keyof T]: K extends string ? (K extends Reserved ? never : T[K] extends AnyFunction ? K : never) : never
}[keyof T]

/** `K extends keyof T` and no `as` clause: so declarations, comments and go-to-definition survive. */
type Mapped<T, K extends keyof T> = { readonly [P in K]: MethodOf<T[P]> }

/**
 * The typed proxy of T: its public methods and nothing else. Types cannot see `@Local`, nor that an accessor or field holds a function:
 * calling such a name is refused at run time with the reason.
 */
export type Remote<T> = Mapped<T, MethodNames<T>> & { readonly [origin]?: T }
