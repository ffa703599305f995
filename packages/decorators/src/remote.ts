/** Owns `@Remote`, and the type of the same name beside it. Must not know which methods will be exposed: that is core's contract. */
import type { Remote as RemoteOf, ServiceTerms } from '@waybill/core'
import { store } from './metadata.js'
import type { RemoteDecoration } from './types.js'

/** The typed proxy of a class: see `@waybill/core`. */
export type Remote<T> = RemoteOf<T>

interface ClassContext {
  readonly name?: string | undefined
  readonly metadata?: Record<PropertyKey, unknown>
}
type Class = { readonly name: string; readonly prototype: object }

/** Offers the public methods of a class, by the name of the class unless one is given. */
export const Remote = ((given?: Class | ServiceTerms, context?: ClassContext) => {
  if (typeof given === 'function') return mark(given, {}, context)
  const terms = (given ?? {}) as ServiceTerms
  return (target: Class, at?: ClassContext) => mark(target, terms, at)
}) as RemoteDecoration

/** On the prototype and not on the class: another decorator may put a class of its own before it. */
function mark(target: Class, terms: ServiceTerms, context: ClassContext | undefined): void {
  store.addService(target.prototype, { className: context?.name ?? target.name, terms }, context?.metadata)
}
