import { rules, type Code, type Executed } from './rules.js'

/** What every error of a call has, whatever its class. */
export interface Exceptional {
  readonly code: string
  readonly executed: Executed
}

export interface ErrorTerms {
  /** Default: the only value that the code allows, else `maybe`. */
  readonly executed?: Executed
  /** Facts for programs, such as `{ limit, size }` of `TooLarge`. */
  readonly details?: unknown
  readonly cause?: unknown
}

/**
 * The one error class. Match `error.code`. `executed` says whether the call ran; `retryable` whether the same call may succeed later.
 */
export class WaybillError extends Error implements Exceptional {
  readonly code: Code
  readonly executed: Executed
  readonly details: unknown

  constructor(code: Code, message: string, terms: ErrorTerms = {}) {
    super(message, terms.cause === undefined ? undefined : { cause: terms.cause })
    this.name = 'WaybillError'
    this.code = code
    this.executed = terms.executed ?? defaultExecuted(code)
    this.details = terms.details
  }

  get retryable(): boolean {
    return rules[this.code].retryable
  }

  /** The only conversion from whatever was thrown. An error that says `executed` itself is kept as it is. */
  static from(thrown: unknown, executed?: Executed): WaybillError {
    if (thrown instanceof WaybillError) return thrown
    const message = thrown instanceof Error ? thrown.message : String(thrown)
    return new WaybillError('Internal', message, { cause: thrown, ...(executed && { executed }) })
  }
}

function defaultExecuted(code: Code): Executed {
  const allowed: readonly Executed[] = rules[code].executed
  return allowed.length === 1 ? allowed[0]! : 'maybe'
}

/** An error that the remote method threw, of a class that is not registered on this side. */
export class RemoteException extends WaybillError {
  /** Class name at the callee. */
  readonly xclass: string
  /** Module, state and arguments of the error: only when the service opts in. */
  readonly xmodule: string | undefined
  readonly xstate: Readonly<Record<string, unknown>> | undefined
  readonly xargs: readonly unknown[] | undefined
  /** Finds the error in the callee's log. */
  readonly incident: string | undefined

  constructor(
    message: string,
    from: {
      readonly xclass: string
      readonly xmodule?: string | undefined
      readonly xstate?: Readonly<Record<string, unknown>> | undefined
      readonly xargs?: readonly unknown[] | undefined
      readonly incident?: string | undefined
    },
  ) {
    super('RemoteException', message, { executed: 'yes' })
    this.name = 'RemoteException'
    this.xclass = from.xclass
    this.xmodule = from.xmodule
    this.xstate = from.xstate
    this.xargs = from.xargs
    this.incident = from.incident
  }
}
