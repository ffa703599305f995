/** The call of terms that are stored: made again at a later start, or anew for a dead letter. Owns nothing; it is not yet anywhere. */
import type { Endings } from './endings.js'
import { CallRecord, type Session, type StoredTerms } from './model.js'
import type { Routes } from './routes.js'
import { dataField } from './telling.js'
import { isChoosy, type CallTerms } from './terms.js'

export interface RemadeParts {
  readonly routes: Routes
  readonly endings: Endings
  /** By how much the monotonic clock is ahead of the wall clock. */
  readonly aheadMs: number
}

export function remade(terms: StoredTerms, caller: Session, number: number, { routes, endings, aheadMs }: RemadeParts): CallRecord {
  const call = new CallRecord(caller, number, routes.find(terms.address), isChoosy(terms) ? termsOf(terms) : undefined, endings.expire)
  call.method = terms.method
  call.told = terms.told
  call.deadlineMs = aheadMs + terms.deadlineMs
  call.waitUntilMs = aheadMs + terms.waitUntilMs
  call.state = 'queued'
  return call
}

function termsOf(terms: StoredTerms): CallTerms {
  const { sn, waitUntilMs, deadlineMs, orderKey, key, digest, sticky, isInTurn = false, replyto } = terms
  return {
    data: dataField(terms),
    sn,
    waitMs: Math.max(0, Math.min(waitUntilMs, deadlineMs)),
    orderKey,
    key,
    digest,
    sticky,
    isInTurn,
    replyto,
    within: undefined,
  }
}
