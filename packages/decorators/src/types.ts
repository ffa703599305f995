/**
 * Owns the types of the decorators: each is one overloaded callable for both modes, bare and called. Must not know what they do.
 * The legacy overload stands last, as TypeScript 7 reports only the last overload's reason.
 */
import type { MethodConditions, Schema, SchemaInput, SchemaOutput, ServiceTerms } from '@waybill/core'

type AnyMethod = (...args: never) => unknown
type Outputs<A extends readonly Schema[]> = { -readonly [I in keyof A]: SchemaOutput<A[I]> }
type Back<T> = T | PromiseLike<T>

// `any`: the context is invariant in both, and nothing of them is used.
type StandardContext = ClassMethodDecoratorContext<any, any> & { readonly static: false; readonly private: false }

/** A method decorator of both modes: (value, context) is the standard one, (prototype, name, descriptor) the legacy one. */
export interface DualMethod<Wanted extends AnyMethod> {
  <F extends Wanted>(method: F, context: StandardContext): void
  <F extends Wanted>(prototype: object, name: string, descriptor: TypedPropertyDescriptor<F>): void
}

/** What the schemas give back must fit the parameters; the result must be one that the result schema takes. */
export interface MethodDecoration extends DualMethod<AnyMethod> {
  <const A extends readonly Schema[], R extends Schema>(
    terms: MethodConditions & { readonly args: A; readonly returns: R },
  ): DualMethod<(...args: Outputs<A>) => Back<SchemaInput<R>>>
  <const A extends readonly Schema[]>(
    terms: MethodConditions & { readonly args: A; readonly returns?: undefined },
  ): DualMethod<(...args: Outputs<A>) => unknown>
  <R extends Schema>(
    terms: MethodConditions & { readonly args?: undefined; readonly returns: R },
  ): DualMethod<(...args: never) => Back<SchemaInput<R>>>
  (terms?: MethodConditions & { readonly args?: undefined; readonly returns?: undefined }): DualMethod<AnyMethod>
}

export interface LocalDecoration extends DualMethod<AnyMethod> {
  (): DualMethod<AnyMethod>
}

/** `Function`, as a class with a private constructor is no `abstract new`; `any`, as nothing of the context's class is used. */
export interface DualClass {
  (target: Function, context?: ClassDecoratorContext<any>): void
}

export interface RemoteDecoration extends DualClass {
  (terms?: ServiceTerms): DualClass
}
