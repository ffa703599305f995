/**
 * What the code of an error says of a retry and of execution: what every end needs. `codes.ts` has the rest of the table, which a page leaves out
 * where it does not read it.
 */

/** What is known about the call's execution when an error ends it. Always derived from who last held the call, see `call/executed.ts`. */
export type Executed = 'no' | 'maybe' | 'yes'

export interface Rule {
  /** Whether the same call may succeed later without a change by the caller. A retry is safe only where `executed` is `no`. */
  readonly retryable: boolean
  /** The values of `executed` that this error can carry. */
  readonly executed: readonly Executed[]
}

const no = ['no'] as const
const maybe = ['maybe'] as const
const yes = ['yes'] as const
const noOrMaybe = ['no', 'maybe'] as const
const any = ['no', 'maybe', 'yes'] as const

export const rules = {
  RouterUnreachable: { retryable: true, executed: no },
  RouterLost: { retryable: true, executed: noOrMaybe },
  WorkerLost: { retryable: true, executed: maybe },
  NoSuchService: { retryable: true, executed: no },
  NoSuchMethod: { retryable: false, executed: no },
  NoSuchVersion: { retryable: true, executed: no },
  NoSuchClient: { retryable: true, executed: no },
  NoSuchReceipt: { retryable: false, executed: noOrMaybe },
  NotExposed: { retryable: false, executed: no },
  Rejected: { retryable: false, executed: no },
  Unauthorized: { retryable: false, executed: no },
  Forbidden: { retryable: false, executed: no },
  BadArguments: { retryable: false, executed: no },
  BadResult: { retryable: false, executed: yes },
  BadAddress: { retryable: false, executed: no },
  TooLarge: { retryable: false, executed: any },
  NotRepresentable: { retryable: false, executed: any },
  NotStorable: { retryable: false, executed: no },
  Overloaded: { retryable: true, executed: no },
  IdleTimeout: { retryable: true, executed: noOrMaybe },
  DeadlineExceeded: { retryable: true, executed: noOrMaybe },
  Expired: { retryable: true, executed: no },
  Cancelled: { retryable: false, executed: noOrMaybe },
  Superseded: { retryable: false, executed: noOrMaybe },
  IdempotencyConflict: { retryable: false, executed: no },
  NotIdempotent: { retryable: false, executed: no },
  NoQuorum: { retryable: true, executed: any },
  Reentrant: { retryable: false, executed: no },
  Answered: { retryable: false, executed: any },
  NoEdge: { retryable: false, executed: no },
  HopLimit: { retryable: false, executed: no },
  Unsupported: { retryable: false, executed: no },
  Incompatible: { retryable: false, executed: no },
  ProtocolViolation: { retryable: false, executed: noOrMaybe },
  Closed: { retryable: false, executed: noOrMaybe },
  StaleSymbol: { retryable: true, executed: no },
  Damaged: { retryable: false, executed: noOrMaybe },
  RemoteException: { retryable: false, executed: yes },
  Internal: { retryable: false, executed: any },
} as const satisfies Record<string, Rule>

export type Code = keyof typeof rules

export function isCode(value: unknown): value is Code {
  return typeof value === 'string' && Object.hasOwn(rules, value)
}
