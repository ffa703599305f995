/** The call of terms that are stored: made again at a later start, or anew for a dead letter. Owns nothing; it is not yet anywhere. */
import type { Clock } from '@waybill/core'
import type { Endings } from './endings.js'
import { CallRecord, type Session, type StoredTerms } from './model.js'
import type { Routes } from './routes.js'
import { dataField } from './telling.js'
import type { CallTerms } from './terms.js'

export function remade(
  terms: StoredTerms,
  caller: Session,
  number: number,
  { clock, routes, endings }: { readonly clock: Clock; readonly routes: Routes; readonly endings: Endings },
): CallRecord {
  const call = new CallRecord(caller, number, routes.find(terms.address), termsOf(terms), endings.expire)
  const aheadMs = clock.nowMs() - clock.wallMs()
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
