/**
 * The one table of error codes. The error class, the HTTP status, the retry rule and the tables in README.md and PROTOCOL.md come from
 * it (a test compares them).
 */

/** What is known about the call's execution when an error ends it. Always derived from who last held the call, see `call/executed.ts`. */
export type Executed = 'no' | 'maybe' | 'yes'

interface Row {
  /** HTTP status for the doors that speak HTTP. */
  readonly status: number
  /** Whether the same call may succeed later without a change by the caller. A retry is safe only where `executed` is `no`. */
  readonly retryable: boolean
  /** The values of `executed` that this error can carry. */
  readonly executed: readonly Executed[]
  readonly meaning: string
}

const no = ['no'] as const
const maybe = ['maybe'] as const
const yes = ['yes'] as const
const noOrMaybe = ['no', 'maybe'] as const
const any = ['no', 'maybe', 'yes'] as const

export const codes = {
  RouterUnreachable: { status: 503, retryable: true, executed: no, meaning: 'no router answered at the address in the given time' },
  RouterLost: { status: 502, retryable: true, executed: noOrMaybe, meaning: 'the connection to the router ended and could not be resumed' },
  WorkerLost: { status: 502, retryable: true, executed: maybe, meaning: 'the process that held the call ended or became unreachable' },
  NoSuchService: { status: 404, retryable: true, executed: no, meaning: 'nobody offers a service of this name' },
  NoSuchMethod: { status: 404, retryable: false, executed: no, meaning: 'the service does not expose a method of this name' },
  NoSuchVersion: {
    status: 404,
    retryable: true,
    executed: no,
    meaning: 'the service is offered, but in no version that matches the range',
  },
  NoSuchClient: { status: 404, retryable: true, executed: no, meaning: 'no client of this name is connected' },
  NoSuchReceipt: { status: 404, retryable: false, executed: no, meaning: 'no receipt of this id is known to you' },
  NotExposed: { status: 400, retryable: false, executed: no, meaning: 'the object offers nothing that may be called from elsewhere' },
  Rejected: { status: 409, retryable: false, executed: no, meaning: 'the call was refused before it started' },
  Unauthorized: { status: 401, retryable: false, executed: no, meaning: 'the credentials are missing or not accepted' },
  Forbidden: { status: 403, retryable: false, executed: no, meaning: 'your principal may not do this' },
  BadArguments: { status: 400, retryable: false, executed: no, meaning: 'the arguments do not fit the contract of the method' },
  BadResult: { status: 500, retryable: false, executed: yes, meaning: 'the method returned a value that does not fit its contract' },
  BadAddress: { status: 400, retryable: false, executed: no, meaning: 'a name, address, range or option is not well formed' },
  TooLarge: { status: 413, retryable: false, executed: any, meaning: 'a value is larger than the limit' },
  NotRepresentable: { status: 422, retryable: false, executed: any, meaning: 'a value cannot be carried over the wire' },
  NotStorable: { status: 422, retryable: false, executed: no, meaning: 'the call holds something that cannot outlive its connection' },
  Overloaded: { status: 429, retryable: true, executed: no, meaning: 'the queue or the credit is used up' },
  IdleTimeout: { status: 504, retryable: true, executed: noOrMaybe, meaning: 'nothing was heard of the call for its timeout' },
  DeadlineExceeded: { status: 504, retryable: true, executed: noOrMaybe, meaning: 'the call did not end before its deadline' },
  Expired: { status: 410, retryable: true, executed: no, meaning: 'nobody took the call within its ttl' },
  Cancelled: { status: 499, retryable: false, executed: noOrMaybe, meaning: 'the call was cancelled' },
  Superseded: { status: 409, retryable: false, executed: noOrMaybe, meaning: 'another process took over the name of this client' },
  IdempotencyConflict: { status: 409, retryable: false, executed: no, meaning: 'the key was used before with other arguments' },
  NotIdempotent: {
    status: 400,
    retryable: false,
    executed: no,
    meaning: 'the method is not declared idempotent, so it cannot be run more than once',
  },
  NoQuorum: { status: 502, retryable: true, executed: any, meaning: 'too few instances of a group answered, or too few agreed' },
  Reentrant: { status: 409, retryable: false, executed: no, meaning: 'the call would wait for itself' },
  Unsupported: { status: 501, retryable: false, executed: no, meaning: 'the feature is not there yet' },
  Incompatible: { status: 426, retryable: false, executed: no, meaning: 'the peer speaks another protocol or version' },
  ProtocolViolation: { status: 400, retryable: false, executed: noOrMaybe, meaning: 'the peer broke a rule of the protocol' },
  Closed: { status: 503, retryable: false, executed: noOrMaybe, meaning: 'the client was closed' },
  StaleSymbol: { status: 409, retryable: true, executed: no, meaning: 'a symbol has lost its meaning; clients mend this by themselves' },
  Damaged: { status: 500, retryable: false, executed: no, meaning: 'stored data is damaged' },
  RemoteException: {
    status: 500,
    retryable: false,
    executed: yes,
    meaning: 'the method threw an error of a class that is not registered here',
  },
  Internal: { status: 500, retryable: false, executed: any, meaning: 'a fault in Waybill itself; please report it' },
} as const satisfies Record<string, Row>

export type Code = keyof typeof codes

export function isCode(value: unknown): value is Code {
  return typeof value === 'string' && Object.hasOwn(codes, value)
}
