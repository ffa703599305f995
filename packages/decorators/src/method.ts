/** Owns `@Method`. Must not know what its terms mean, nor where they are kept. */
import type { MethodTerms } from '@waybill/core'
import { recordAt, type Place } from './place.js'
import type { MethodDecoration } from './types.js'

/**
 * Gives a method its contract. Once any method of a class has one, only those that do are exposed. An override inherits it, and may
 * change it term by term.
 */
export const Method = ((...given: Place | readonly [MethodTerms?]) => {
  if (given.length >= 2) return mark(given as Place, {})
  const terms = (given[0] ?? {}) as MethodTerms
  return (...place: Place) => mark(place, terms)
}) as MethodDecoration

function mark(place: Place, terms: MethodTerms): void {
  recordAt(place, '@Method', (method) => ({ terms, length: (method as { length: number }).length }))
}
