/** Owns `@Local`. Must not know where the mark is kept. */
import { recordAt, type Place } from './place.js'
import type { LocalDecoration } from './types.js'

/** Keeps a public method at home: by name, also where a subclass overrides it, whatever other decorators wrap it. */
export const Local = ((...given: Place | readonly []) => {
  if (given.length >= 2) return mark(given as Place)
  return (...place: Place) => mark(place)
}) as LocalDecoration

function mark(place: Place): void {
  recordAt(place, '@Local', () => ({ local: true }))
}
