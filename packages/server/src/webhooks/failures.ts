/**
 * How a post can fail: one table of reasons, which PROTOCOL.md repeats, and the one place that makes errors of them. Every error says what happened, what
 * was executed and what to do. Of an address it names the origin alone: the path may be a secret.
 */
import { WaybillError, type Code } from '@waybill/core'

/** How far a post has come. From `sending` on the receiver may have begun with it. */
export type Stage = 'checking' | 'connecting' | 'sending' | 'answering'

function executedAt(stage: Stage): 'no' | 'maybe' {
  return stage === 'checking' || stage === 'connecting' ? 'no' : 'maybe'
}

interface Row {
  readonly code: Code
  readonly toDo: string
}

export const failures = {
  off: {
    code: 'Forbidden',
    toDo: 'start the router with --webhook and the origin, or register without an address and come for parcels with GET /receive',
  },
  address: { code: 'BadAddress', toDo: 'give an http or https URL without user, password and fragment' },
  origin: {
    code: 'Forbidden',
    toDo: 'have the operator list it with --webhook, or register without an address and come for parcels with GET /receive',
  },
  network: { code: 'Forbidden', toDo: 'use a public address, or have the operator list the host and allow its network' },
  unproven: {
    code: 'Forbidden',
    toDo: 'answer with status 200 and the value of Waybill-Challenge, in a header of that name or as the whole body',
  },
  busy: { code: 'Overloaded', toDo: 'try again later' },
  host: { code: 'Rejected', toDo: 'check the name of the host, and try again' },
  refused: { code: 'Rejected', toDo: 'start the receiver, or register the address where it is' },
  unreachable: { code: 'Rejected', toDo: 'check the network between the router and the receiver, and try again' },
  tls: { code: 'Rejected', toDo: 'give the receiver a certificate of its name that the router’s machine trusts' },
  connectTimeout: { code: 'IdleTimeout', toDo: 'check that the receiver runs and that nothing drops its packets, and try again' },
  sendTimeout: { code: 'IdleTimeout', toDo: 'have the receiver read the body as it comes' },
  answerTimeout: { code: 'IdleTimeout', toDo: 'have the receiver answer at once, and send its result to Waybill-Postback later' },
  tooLong: { code: 'DeadlineExceeded', toDo: 'send less, or have the operator allow more time' },
  reset: { code: 'WorkerLost', toDo: 'look into the log of the receiver' },
  redirected: { code: 'ProtocolViolation', toDo: 'register the address that it leads to' },
  answer: { code: 'ProtocolViolation', toDo: 'have the receiver answer in HTTP/1.1' },
  body: { code: 'Damaged', toDo: 'send it again' },
  cancelled: { code: 'Cancelled', toDo: 'nothing' },
} as const satisfies Readonly<Record<string, Row>>

export type Reason = keyof typeof failures

/** `details` of each error of a post. */
export interface FailureDetails {
  readonly reason: Reason
  /** Absent where the address has none. */
  readonly origin?: string
  /** The system's own word, such as `ECONNREFUSED`. */
  readonly errno?: string
  readonly status?: number
  readonly location?: string
}

export interface FailureTerms extends Omit<FailureDetails, 'reason'> {
  readonly cause?: unknown
}

/** `what` is the sentence about what happened, without its full stop. */
export function failed(reason: Reason, stage: Stage, what: string, { cause, ...facts }: FailureTerms = {}): WaybillError {
  const { code, toDo } = failures[reason]
  const executed = executedAt(stage)
  const fate = executed === 'no' ? 'nothing was executed' : 'whether the receiver acted on it is not known'
  const details: FailureDetails = { reason, ...facts }
  return new WaybillError(code, `${what}; ${fate}. To do: ${toDo}`, {
    executed,
    details,
    ...(cause !== undefined && { cause }),
  })
}

/** The reason in the error of a post; undefined in any other. */
export function reasonOf(thrown: unknown): Reason | undefined {
  const details = thrown instanceof WaybillError ? (thrown.details as Partial<FailureDetails> | undefined) : undefined
  return details?.reason !== undefined && Object.hasOwn(failures, details.reason) ? details.reason : undefined
}

/** The system's word for what went wrong. */
export function errnoOf(thrown: unknown): string | undefined {
  const code = (thrown as { code?: unknown } | null | undefined)?.code
  return typeof code === 'string' ? code : undefined
}
