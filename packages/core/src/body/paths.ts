/**
 * Paths into a value: as a person reads them in an error (`arguments[0].cat.meow`). A path's steps are
 * those of the JSON form, where a Map is a list of pairs and a Set a list.
 */

import { keyFromWire } from './keys.js'

export type Step = string | number

const identifier = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u

/** `what` names the root: `arguments`, `result`. `steps` lead from `root` to the value in question. */
export function spellPath(what: string, root: unknown, steps: readonly Step[]): string {
  let at = root
  let spelt = what
  for (let i = 0; i < steps.length; i++) {
    const step = steps[i]!
    if (at instanceof Map) {
      const [key, value] = [...at][Number(step)] as [unknown, unknown]
      const ofKey = steps[++i] === 0
      spelt += ofKey ? `.keys()[${step}]` : typeof key === 'string' ? `.get(${JSON.stringify(key)})` : `.values()[${step}]`
      at = ofKey ? key : value
    } else if (at instanceof Set) {
      spelt += `.values()[${step}]`
      at = [...at][Number(step)]
    } else {
      const key = typeof step === 'string' ? keyFromWire(step) : step
      spelt += typeof key === 'number' ? `[${key}]` : identifier.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`
      at = (at as Record<Step, unknown>)[key]
    }
  }
  return spelt
}
