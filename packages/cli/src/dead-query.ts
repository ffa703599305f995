/** Owns which dead letters a verb is asked about: its options, and the query that they make. Throws `UsageError`. */
import type { DeadQuery, DeadReason } from '@waybill/client'
import { Option, type Command } from 'commander'
import { UsageError } from './exits.js'
import { addFilterOptions, filterOf, type FilterOptions } from './receipt-query.js'
import { readSerialNumber } from './request.js'

export interface DeadOptions extends FilterOptions {
  readonly reason?: DeadReason
  readonly everyone?: true
}

/** What can be done about each. */
export const adviceByReason: Readonly<Record<DeadReason, string>> = {
  max_attempts: 'everybody who took it was lost with it: look into their logs before you redrive it',
  expired: 'nobody took it in time: have somebody offer the service, then redrive it',
  indeterminate: 'it may have run: see what it did before you redrive it',
  no_target: 'nobody offers what it asks for: have somebody offer it, then redrive it',
  no_method: 'the service has no such method: offer a version that has it, then redrive it',
  rejected: 'it was refused and did not run: correct the cause, then redrive it',
  undecodable: 'its arguments are not what the method takes: call again with others',
  too_large: 'it is too large: call again with less',
  hop_limit: 'it was sent on too often: look for a circle in the graph',
  unauthorized: 'its caller may not do this: grant the right, then redrive it',
}

export function addDeadOptions(command: Command): Command {
  return addFilterOptions(
    command.addOption(new Option('--reason <reason>', 'only those that are dead for this reason').choices(Object.keys(adviceByReason))),
  ).option('--everyone', 'also those of other principals; asks for the right to operate')
}

export function deadQueryOf({ reason, everyone, ...filter }: DeadOptions): DeadQuery {
  return { ...(reason !== undefined && { reason }), ...(everyone === true && { everyone }), ...filterOf(filter) }
}

/** Serial numbers, or something that chooses: nobody means all by saying nothing. */
export function chosen(sns: readonly string[], query: DeadQuery, what: string): readonly DeadQuery[] {
  const { everyone } = query
  const isNarrow = Object.keys(query).some((name) => name !== 'everyone' && name !== 'limit')
  if (sns.length > 0 && isNarrow) throw new UsageError(`${what}: give serial numbers, or options that choose, not both`)
  if (sns.length === 0 && !isNarrow)
    throw new UsageError(`${what}: say which: serial numbers, or --reason, --service, --method, --client, --key or --match`)
  return sns.length === 0 ? [query] : sns.map((sn) => ({ sn: readSerialNumber(sn), ...(everyone === true && { everyone }) }))
}
