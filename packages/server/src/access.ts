/** Who somebody is and what they may do: the two seams where a deployment brings its own answer. */
import { timingSafeEqual, createHash } from 'node:crypto'
import { quoted, WaybillError, type Clock, type Introduction } from '@waybill/core'

/** The name of who is responsible for a client. */
export type Principal = string

/** Of what the router itself does as a client in its own process; nobody else is it, and it may do everything. */
export const ROUTER_PRINCIPAL: Principal = 'waybill:router'
/** The name that it has there, which is nobody else's. */
export const ROUTER_CLIENT = 'waybill-graph'

export type Action = 'connect' | 'expose' | 'call' | 'postback' | 'publish' | 'subscribe' | 'drain' | 'observe' | 'operate'

/** What the action is about; each field where it applies. */
export interface Subject {
  readonly client?: string
  readonly service?: string
  readonly method?: string
  /** Of an event; the pattern of a subscription. */
  readonly topic?: string
}

export interface Access {
  /** Throws `Unauthorized` where the credentials are missing or wrong. */
  authenticate(credentials: Introduction['credentials']): Principal | Promise<Principal>
  /** Asked for every one of these, so it must be quick and cannot wait; absent: everything is allowed, but to drain a client of another principal,
   * to have one told of a call, or to `operate`: to see and redrive the dead letters of others. */
  readonly authorize: ((principal: Principal, action: Action, subject: Subject) => boolean) | undefined
}

/** Where tokens come from that can change while a router runs. */
export interface TokenSource {
  /**
   * `revoked` is called with each principal whose token is not good any more, as soon as that is known; with the token's digest, where only those
   * who presented this one are to go.
   */
  open(clock: Clock, revoked: (principal: Principal, digest?: string) => void): OpenTokens
}

export interface OpenTokens {
  readonly authenticate: Access['authenticate']
  /** Whether a token of this digest still makes this principal of who shows it; absent: nobody can say, and it does. */
  readonly isGood?: (principal: Principal, digest: string) => boolean
  close(): void
}

/** One that never changes by itself. */
export function unchanging(authenticate: Access['authenticate']): TokenSource {
  return { open: () => ({ authenticate, close: () => {} }) }
}

/**
 * The seams as the router uses them: what a deployment's own code throws is a fault, told to nobody but `report`, and the answer is no; a
 * principal that could pretend to be something else in a log is none.
 */
export function guardedAccess({ authenticate, authorize }: Access, report: (where: string, error: unknown) => string): Access {
  const unchecked = (thrown: unknown): never => {
    if (thrown instanceof WaybillError) throw thrown
    const incident = report('authenticate', thrown)
    throw new WaybillError('Unauthorized', `the credentials could not be checked; incident ${incident}`, { details: { incident } })
  }
  const principalOf = (answer: unknown): Principal => {
    if (typeof answer === 'string' && PRINCIPAL.test(answer) && answer !== ROUTER_PRINCIPAL) return answer
    return unchecked(
      new TypeError(`authenticate gave ${typeof answer === 'string' ? quoted(answer) : typeof answer} instead of a principal`),
    )
  }
  return {
    authenticate: (credentials) => {
      try {
        const answer: unknown = authenticate(credentials)
        return answer instanceof Promise ? answer.then(principalOf, unchecked) : principalOf(answer)
      } catch (thrown) {
        return unchecked(thrown)
      }
    },
    authorize:
      authorize &&
      ((principal, action, subject) => {
        if (principal === ROUTER_PRINCIPAL) return true
        try {
          return authorize(principal, action, subject) === true
        } catch (thrown) {
          report('authorize', thrown)
          return false
        }
      }),
  }
}

/** 1 to 256 characters, none of which is invisible or ends a line. */
const PRINCIPAL = /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]{1,256}$/u

/** Without credentials everybody is `local`; with tokens (label → token) the label. */
export function tokenAuthentication(tokens: Readonly<Record<string, string>> | undefined): Access['authenticate'] {
  if (tokens === undefined) return () => 'local'
  const known = Object.entries(tokens).map(([label, token]) => {
    if (token === '') throw new WaybillError('BadArguments', `the token of ${quoted(label)} is empty, so everybody would have it`)
    return { label, digest: digestOf(token) }
  })
  return (credentials) => {
    const digest = digestOf(credentials?.token ?? '')
    // Every digest is compared, whatever matched before, so the time tells nothing.
    let principal: string | undefined
    for (const candidate of known) if (timingSafeEqual(candidate.digest, digest)) principal = candidate.label
    if (credentials === undefined)
      throw new WaybillError('Unauthorized', 'this router asks for a token; give one with `token` or WAYBILL_TOKEN')
    if (principal === undefined) throw new WaybillError('Unauthorized', 'the token is not one of this router')
    return principal
  }
}

/** The token that a request shows in its `Authorization`, and nowhere else; undefined where it shows none. Throws `Unauthorized`. */
export function tokenIn(authorization: string | null | undefined): string | undefined {
  if (authorization === null || authorization === undefined) return undefined
  const token = /^Bearer (\S{1,4096})$/i.exec(authorization)?.[1]
  if (token === undefined) throw new WaybillError('Unauthorized', 'the Authorization header is not `Bearer` and a token')
  return token
}

/** SHA-256, hexadecimal, of the token that was presented; undefined where there was none. */
export function presentedDigest(credentials: Introduction['credentials']): string | undefined {
  return credentials?.token === undefined ? undefined : digestOf(credentials.token).toString('hex')
}

export function digestOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}
