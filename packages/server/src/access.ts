/** Who somebody is and what they may do: the two seams where a deployment brings its own answer. */
import { timingSafeEqual, createHash } from 'node:crypto'
import { WaybillError, type Introduction } from '@waybill/core'

/** The name of who is responsible for a client. */
export type Principal = string

export type Action = 'connect' | 'expose' | 'call'

/** What the action is about; each field where it applies. */
export interface Subject {
  readonly client?: string
  readonly service?: string
  readonly method?: string
}

export interface Access {
  /** Throws `Unauthorized` where the credentials are missing or wrong. */
  authenticate(credentials: Introduction['credentials']): Principal | Promise<Principal>
  /** Asked for every connect, expose and call, so it must be quick and cannot wait; absent: everything is allowed. */
  readonly authorize: ((principal: Principal, action: Action, subject: Subject) => boolean) | undefined
}

/** Without credentials everybody is `local`; with tokens (label → token) the label. */
export function tokenAuthentication(tokens: Readonly<Record<string, string>> | undefined): Access['authenticate'] {
  if (tokens === undefined) return () => 'local'
  const known = Object.entries(tokens).map(([label, token]) => ({ label, digest: digestOf(token) }))
  return (credentials) => {
    const digest = digestOf(credentials?.token ?? '')
    // Every digest is compared, whatever matched before, so the time tells nothing.
    let principal: string | undefined
    for (const candidate of known) if (timingSafeEqual(candidate.digest, digest)) principal = candidate.label
    if (credentials === undefined) throw new WaybillError('Unauthorized', 'this router asks for a token; give one with `token` or WAYBILL_TOKEN')
    if (principal === undefined) throw new WaybillError('Unauthorized', 'the token is not one of this router')
    return principal
  }
}

export function digestOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}
