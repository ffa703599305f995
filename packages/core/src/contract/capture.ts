/** Owns how errors are taken apart, to travel. Must not know the wire. */
import { nameOf } from './error-classes.js'
import { stateOf } from './error-state.js'
import type { ErrorClass } from './terms.js'

/** An error as it travels. Without `xstate` it arrives as `RemoteException`. */
export interface CapturedError {
  readonly xclass: string
  readonly message: string
  /** Own enumerable data fields. Only of a registered or declared class, or where the service opted in. */
  readonly xstate?: Readonly<Record<string, unknown>>
  /** Whether the class is registered or declared, so that `reviveError` may build it over there. */
  readonly registered: boolean
}

/** Takes apart whatever was thrown; never throws itself. A subclass that is not registered itself is not its registered ancestor. */
export function captureError(thrown: unknown, declared: readonly ErrorClass[] = [], disclose = false): CapturedError {
  const message = safeMessage(thrown)
  const prototype: unknown = thrown instanceof Error ? Object.getPrototypeOf(thrown) : undefined
  const name = typeof prototype === 'object' && prototype !== null ? nameOf(prototype, declared) : undefined
  if (name !== undefined) return { xclass: name, message, xstate: stateOf(thrown as Error), registered: true }
  const xclass = thrownName(thrown)
  return thrown instanceof Error && disclose
    ? { xclass, message, xstate: stateOf(thrown), registered: false }
    : { xclass, message, registered: false }
}

function safeMessage(thrown: unknown): string {
  try {
    return thrown instanceof Error ? String(thrown.message) : String(thrown)
  } catch {
    return 'an error that cannot be described'
  }
}

/** The class of an error, or the type of what is none. */
function thrownName(thrown: unknown): string {
  if (!(thrown instanceof Error)) return typeof thrown
  try {
    const { constructor } = thrown
    return typeof constructor === 'function' && constructor.name !== '' ? constructor.name : 'Error'
  } catch {
    return 'Error'
  }
}
