/** Processes end only as they were made to, and nothing is left to wait for (I16, I17). */
import type { History } from './history.js'
import type { Violation } from './violation.js'

export function checkEnds({ died, undrained }: History): readonly Violation[] {
  return [
    ...died.map(({ who, how }) => ({ check: 'ended by itself', what: `${who}: ${how}` })),
    ...undrained.map(({ who, open }) => ({ check: 'not drained', what: `${who} still waits for ${open}` })),
  ]
}
