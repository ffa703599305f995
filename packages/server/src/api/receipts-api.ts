/** What a client may ask of the receipts of its principal: a list, one, and to cancel. Reads arguments; `Receipts` and `Calls` do the work. */
import { WaybillError, type ReceiptInfo } from '@waybill/core'
import { readCondition, type Condition } from '../criteria.js'
import type { Receipt } from '../model.js'
import { dataOf } from '../telling.js'

const DEFAULT_LIMIT = 100
const MOST = 1000

const texts = ['sn', 'state', 'client', 'service', 'method'] as const
const known: ReadonlySet<string> = new Set([...texts, 'data', 'limit'])

/** A query, read once. */
export interface Selection {
  /** The one that is asked for. */
  readonly sn?: string | undefined
  readonly limit: number
  fits(receipt: Receipt): boolean
}

/** Throws `BadArguments`. */
export function readSelection(value: unknown): Selection {
  const query = (value ?? {}) as Record<string, unknown>
  if (typeof query !== 'object' || Array.isArray(query)) throw bad('a query is an object')
  for (const name of Object.keys(query))
    if (!known.has(name)) throw bad(`a query has no ${JSON.stringify(name)}; it has ${[...known].join(', ')}`)
  for (const name of texts) if (query[name] !== undefined && typeof query[name] !== 'string') throw bad(`${name} is not a string`)
  const limit = query['limit'] ?? DEFAULT_LIMIT
  if (typeof limit !== 'number' || !Number.isSafeInteger(limit) || limit < 1 || limit > MOST) throw bad(`limit is not from 1 to ${MOST}`)
  const condition: Condition | undefined = query['data'] === undefined ? undefined : readCondition(query['data'])
  const { sn, state, client, service, method } = query as Partial<Record<(typeof texts)[number], string>>
  return {
    sn,
    limit,
    fits: (receipt) =>
      (sn === undefined || receipt.sn === sn) &&
      (state === undefined || (state === 'pending' ? !receipt.hasEnded : receipt.known === state)) &&
      (client === undefined || receipt.terms.client === client) &&
      (service === undefined || receipt.terms.service === service) &&
      (method === undefined || receipt.terms.method === method) &&
      (condition === undefined || condition(dataOf(receipt.terms))),
  }
}

/** To cancel needs more than a limit: nobody means to cancel everything by saying nothing. Throws `BadArguments`. */
export function readCancelSelection(value: unknown): Selection {
  const names = typeof value === 'object' && value !== null ? Object.keys(value) : []
  if (names.every((name) => name === 'limit')) throw bad('say which calls to cancel: sn, state, client, service, method or data')
  return readSelection(value)
}

export function receiptInfo({ sn, terms, known: state, hasEnded, endedMs, attempts }: Receipt): ReceiptInfo {
  const { client, service, method, storedMs } = terms
  const data = dataOf(terms)
  return {
    sn,
    client,
    service,
    method,
    state,
    storedAt: new Date(storedMs).toISOString(),
    ...(hasEnded && endedMs !== undefined && { endedAt: new Date(endedMs).toISOString() }),
    attempts,
    ...(data !== undefined && { data }),
  }
}

function bad(message: string): WaybillError {
  return new WaybillError('BadArguments', message)
}
