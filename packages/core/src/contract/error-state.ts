/** Owns what of a thrown value may be read, without running any of its code. Must not know which classes are registered. */

/** What an error has besides its state, and the one key that is not a key. */
const withheld: ReadonlySet<string> = new Set(['stack', 'cause', 'message', 'executed', '__proto__'])

/** Own enumerable data fields; no accessors (they would run), no functions (they cannot travel so). The result has no prototype. */
export function stateOf(source: object): Record<string, unknown> {
  const state: Record<string, unknown> = Object.create(null) as Record<string, unknown>
  for (const [field, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(source))) {
    if (withheld.has(field) || !descriptor.enumerable || descriptor.get || descriptor.set) continue
    if (typeof descriptor.value !== 'function') state[field] = descriptor.value
  }
  return state
}
