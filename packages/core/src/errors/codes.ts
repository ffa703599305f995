/**
 * The one table of error codes. The error class, the HTTP status, the retry rule and the tables in README.md and PROTOCOL.md come from
 * it (a test compares them). What an end needs of it at all times stands in `rules.ts`.
 */
import { rules, type Code, type Rule } from './rules.js'

interface Row extends Rule {
  /** HTTP status for the doors that speak HTTP. */
  readonly status: number
  readonly meaning: string
}

export const codes = {
  RouterUnreachable: { ...rules.RouterUnreachable, status: 503, meaning: 'no router answered at the address in the given time' },
  RouterLost: { ...rules.RouterLost, status: 502, meaning: 'the connection to the router ended and could not be resumed' },
  WorkerLost: { ...rules.WorkerLost, status: 502, meaning: 'the process that held the call ended or became unreachable' },
  NoSuchService: { ...rules.NoSuchService, status: 404, meaning: 'nobody offers a service of this name' },
  NoSuchMethod: { ...rules.NoSuchMethod, status: 404, meaning: 'the service does not expose a method of this name' },
  NoSuchVersion: { ...rules.NoSuchVersion, status: 404, meaning: 'the service is offered, but in no version that matches the range' },
  NoSuchClient: { ...rules.NoSuchClient, status: 404, meaning: 'no client of this name is connected' },
  NoSuchReceipt: { ...rules.NoSuchReceipt, status: 404, meaning: 'no receipt of this id is known to you' },
  NotExposed: { ...rules.NotExposed, status: 400, meaning: 'the object offers nothing that may be called from elsewhere' },
  Rejected: { ...rules.Rejected, status: 409, meaning: 'the call was refused before it started' },
  Unauthorized: { ...rules.Unauthorized, status: 401, meaning: 'the credentials are missing or not accepted' },
  Forbidden: { ...rules.Forbidden, status: 403, meaning: 'your principal may not do this' },
  BadArguments: { ...rules.BadArguments, status: 400, meaning: 'the arguments do not fit the contract of the method' },
  BadResult: { ...rules.BadResult, status: 500, meaning: 'the method returned a value that does not fit its contract' },
  BadAddress: { ...rules.BadAddress, status: 400, meaning: 'a name, address, range or option is not well formed' },
  TooLarge: { ...rules.TooLarge, status: 413, meaning: 'a value is larger than the limit' },
  NotRepresentable: { ...rules.NotRepresentable, status: 422, meaning: 'a value cannot be carried over the wire' },
  NotStorable: { ...rules.NotStorable, status: 422, meaning: 'the call holds something that cannot outlive its connection' },
  Overloaded: { ...rules.Overloaded, status: 429, meaning: 'the queue or the credit is used up' },
  IdleTimeout: { ...rules.IdleTimeout, status: 504, meaning: 'nothing was heard of the call for its timeout' },
  DeadlineExceeded: { ...rules.DeadlineExceeded, status: 504, meaning: 'the call did not end before its deadline' },
  Expired: { ...rules.Expired, status: 410, meaning: 'nobody took the call within its ttl' },
  Cancelled: { ...rules.Cancelled, status: 499, meaning: 'the call was cancelled' },
  Superseded: { ...rules.Superseded, status: 409, meaning: 'another process took over the name of this client' },
  IdempotencyConflict: { ...rules.IdempotencyConflict, status: 409, meaning: 'the key was used before with other arguments' },
  NotIdempotent: {
    ...rules.NotIdempotent,
    status: 400,
    meaning: 'the method is not declared idempotent, so it cannot be run more than once',
  },
  NoQuorum: { ...rules.NoQuorum, status: 502, meaning: 'too few instances of a group answered, or too few agreed' },
  Reentrant: { ...rules.Reentrant, status: 409, meaning: 'the call would wait for itself' },
  Answered: { ...rules.Answered, status: 409, meaning: 'the parcel has its answer already, which stays' },
  NoEdge: { ...rules.NoEdge, status: 404, meaning: 'the parcel is for nobody, and no edge of the graph leads on from its sender' },
  HopLimit: { ...rules.HopLimit, status: 508, meaning: 'the parcel was sent on too often' },
  Unsupported: { ...rules.Unsupported, status: 501, meaning: 'the feature is not there yet' },
  Incompatible: { ...rules.Incompatible, status: 426, meaning: 'the peer speaks another protocol or version' },
  ProtocolViolation: { ...rules.ProtocolViolation, status: 400, meaning: 'the peer broke a rule of the protocol' },
  Closed: { ...rules.Closed, status: 503, meaning: 'the client was closed' },
  StaleSymbol: { ...rules.StaleSymbol, status: 409, meaning: 'a symbol has lost its meaning; clients mend this by themselves' },
  Damaged: { ...rules.Damaged, status: 500, meaning: 'stored data is damaged' },
  RemoteException: { ...rules.RemoteException, status: 500, meaning: 'the method threw an error of a class that is not registered here' },
  Internal: { ...rules.Internal, status: 500, meaning: 'a fault in Waybill itself; please report it' },
} as const satisfies Record<Code, Row>
