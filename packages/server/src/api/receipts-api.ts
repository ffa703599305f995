/** What a client may ask of the receipts of its principal: a list, one, and to cancel. Reads arguments; `Receipts` and `Calls` do the work. */
import { WaybillError, type ReceiptInfo, type ReceiptStep } from '@waybill/core'
import { readCondition, type Condition } from '../criteria.js'
import type { Receipt } from '../model.js'
import { dataOf } from '../telling.js'

const DEFAULT_LIMIT = 100
const MOST = 1000

const texts = ['sn', 'state', 'client', 'service', 'method', 'key'] as const
const known: ReadonlySet<string> = new Set([...texts, 'data', 'limit'])

/** A query, read once. */
export interface Selection {
  /** The one that is asked for. */
  readonly sn?: string | undefined
  readonly limit: number
  /** Of all principals. */
  readonly isOfAll?: boolean
  /** Of dead letters. */
  readonly isDead?: boolean
  fits(receipt: Receipt): boolean
}

/** What a query may hold, without anything else. Throws `BadArguments`. */
export function readQuery(value: unknown, names: ReadonlySet<string>): Record<string, unknown> {
  const query = (value ?? {}) as Record<string, unknown>
  if (typeof query !== 'object' || Array.isArray(query)) throw bad('a query is an object')
  for (const name of Object.keys(query))
    if (!names.has(name)) throw bad(`a query has no ${JSON.stringify(name)}; it has ${[...names].join(', ')}`)
  return query
}

/** Throws `BadArguments`. */
export function readSelection(value: unknown): Selection {
  const query = readQuery(value, known)
  for (const name of texts) if (query[name] !== undefined && typeof query[name] !== 'string') throw bad(`${name} is not a string`)
  const limit = query['limit'] ?? DEFAULT_LIMIT
  if (typeof limit !== 'number' || !Number.isSafeInteger(limit) || limit < 1 || limit > MOST) throw bad(`limit is not from 1 to ${MOST}`)
  const condition: Condition | undefined = query['data'] === undefined ? undefined : readCondition(query['data'])
  const { sn, state, client, service, method, key } = query as Partial<Record<(typeof texts)[number], string>>
  return {
    sn,
    limit,
    fits: (receipt) =>
      (sn === undefined || receipt.sn === sn) &&
      (state === undefined || (state === 'pending' ? !receipt.hasEnded : receipt.known === state)) &&
      (client === undefined || receipt.terms.client === client) &&
      (service === undefined || receipt.terms.service === service) &&
      (method === undefined || receipt.terms.method === method) &&
      (key === undefined || receipt.terms.key === key) &&
      (condition === undefined || condition(dataOf(receipt.terms))),
  }
}

/** To cancel needs more than a limit: nobody means to cancel everything by saying nothing. Throws `BadArguments`. */
export function readCancelSelection(value: unknown): Selection {
  const names = typeof value === 'object' && value !== null ? Object.keys(value) : []
  if (names.every((name) => name === 'limit')) throw bad('say which calls to cancel: sn, state, client, service, method, key or data')
  return readSelection(value)
}

/** `isWhole`: with all that happened to it. */
export function receiptInfo(receipt: Receipt, isWhole: boolean): ReceiptInfo {
  const { sn, terms, known: state, hasEnded, endedMs, attempts, lease, call, cause, redrivenAs, steps } = receipt
  const { client, service, method, storedMs, key, redriveOf, parent, waitUntilMs, deadlineMs } = terms
  const data = dataOf(terms)
  // Of one in the archive nothing but its steps says who had it.
  const callee = lease?.client ?? (hasEnded ? steps.findLast((step) => step[2] !== undefined)?.[2] : undefined)
  return {
    sn,
    client,
    service,
    method,
    state,
    storedAt: timeOf(storedMs),
    ...(hasEnded ? endedMs !== undefined && { endedAt: timeOf(endedMs) } : { expiresAt: timeOf(lease ? deadlineMs : waitUntilMs) }),
    attempts,
    ...(key !== undefined && { key }),
    ...(callee !== undefined && { callee }),
    ...(call?.state === 'away' && { away: true as const }),
    ...(hasEnded && cause),
    ...(redriveOf !== undefined && { redriveOf }),
    ...(redrivenAs !== undefined && { redrivenAs }),
    ...(parent !== undefined && { parent }),
    ...(isWhole && { history: historyOf(receipt) }),
    ...(data !== undefined && { data }),
  }
}

/** As far as everybody may know: an end that is not safe yet is none. */
function historyOf({ steps, endedMs, hasEnded }: Receipt): readonly ReceiptStep[] {
  const told = endedMs === undefined || hasEnded ? steps : steps.slice(0, -1)
  return told.map(([step, ms, callee]) => ({ step, at: timeOf(ms), ...(callee !== undefined && { callee }) }))
}

/** A wall clock may show anything. */
export function timeOf(ms: number): string {
  return new Date(Math.min(Math.max(ms, 0), LATEST_MS)).toISOString()
}

const LATEST_MS = 8.64e15

export function bad(message: string): WaybillError {
  return new WaybillError('BadArguments', message)
}
