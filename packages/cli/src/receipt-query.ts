/** Owns which receipts a verb is asked about: its options, and the query that they make. Throws `UsageError`. */
import type { ReceiptQuery, ReceiptState } from '@waybill/client'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { readObject } from './request.js'

/** What narrows any list of stored calls. */
export interface FilterOptions {
  readonly service?: string
  readonly method?: string
  readonly client?: string
  readonly key?: string
  readonly match?: string
  readonly limit?: number
}

export interface QueryOptions extends FilterOptions {
  readonly state?: ReceiptState | 'pending'
}

/** As many as the router tells at once; and where nobody says how many. */
export const MOST_RECEIPTS = 1000
export const USUAL_RECEIPTS = 100

const states: Readonly<Record<ReceiptState | 'pending', true>> = {
  pending: true,
  stored: true,
  handed: true,
  accepted: true,
  started: true,
  succeeded: true,
  failed: true,
  rejected: true,
  expired: true,
  cancelled: true,
  indeterminate: true,
  dead: true,
}

export function addQueryOptions(command: Command): Command {
  return addFilterOptions(
    command.addOption(
      new Option('--state <state>', 'only those in this state; pending: those without an outcome').choices(Object.keys(states)),
    ),
  )
}

export function addFilterOptions(command: Command): Command {
  return command
    .option('--service <name>', 'only calls of this service')
    .option('--method <name>', 'only calls of this method')
    .option('--client <name>', 'only calls that this client made')
    .option('--key <key>', 'only the call that its caller knows by this key')
    .option('--match <json>', 'only calls whose --data holds this, such as \'{"group":2}\'')
    .option('--limit <n>', `at most so many (default ${USUAL_RECEIPTS})`, readLimit)
}

export function queryOf({ state, ...filter }: QueryOptions): ReceiptQuery {
  return { ...(state !== undefined && { state }), ...filterOf(filter) }
}

export function filterOf({ service, method, client, key, match, limit }: FilterOptions): Omit<ReceiptQuery, 'state'> {
  return {
    ...(service !== undefined && { service }),
    ...(method !== undefined && { method }),
    ...(client !== undefined && { client }),
    ...(key !== undefined && { key }),
    ...(match !== undefined && { data: { match: readObject(match, '--match', '{"group":2}') } }),
    ...(limit !== undefined && { limit }),
  }
}

/** Whether the query says more than how many. */
export function isNarrow(query: ReceiptQuery): boolean {
  return Object.keys(query).some((name) => name !== 'limit')
}

function readLimit(text: string): number {
  const limit = Number(text)
  if (/^\d{1,4}$/.test(text) && limit >= 1 && limit <= MOST_RECEIPTS) return limit
  throw new InvalidArgumentError(`A limit is a whole number from 1 to ${MOST_RECEIPTS}.`)
}
