/** Owns what the listing verbs have in common: ask the router, print a table or JSON. */
import type { Client } from '@waybill/client'
import { WaybillError } from '@waybill/core'
import { Exit } from './exits.js'
import { tellFailure } from './failure.js'
import type { PlaceOptions } from './place.js'
import { withRouter } from './router.js'
import { table, type Column } from './show/table.js'
import { printTitled } from './show/titled.js'
import { print, remark, widthOf, type Terminal } from './terminal.js'

export interface Listing<R> {
  readonly columns: readonly Column<R>[]
  /** Said on stderr instead of a table without rows. */
  readonly empty: string
  /** Said on stderr after the table. */
  readonly note?: (rows: readonly R[]) => string | undefined
  readonly rows: (client: Client) => Promise<readonly R[]>
}

export function listing<R>(options: PlaceOptions, { columns, empty, rows, note }: Listing<R>, terminal: Terminal): Promise<number> {
  const json = options.json === true
  return withRouter(options, terminal, async (client) => {
    try {
      const found = await rows(client)
      const noted = note?.(found)
      if (json) print(JSON.stringify(found), terminal)
      else if (found.length === 0) remark(empty, terminal)
      else printTitled(table(columns, found, widthOf(terminal.out)), terminal)
      if (!json && noted !== undefined) remark(noted, terminal)
      return Exit.ok
    } catch (thrown) {
      tellFailure(WaybillError.from(thrown), { json, ofCall: false }, terminal)
      return Exit.failed
    }
  })
}

export function labelsText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([label, value]) => `${label}=${value}`)
    .join(' ')
}

/** How many of how many places of an instance are taken. */
export function runningText({ inFlight, concurrency }: { readonly inFlight: number; readonly concurrency?: number }): string {
  return concurrency === undefined ? `${inFlight}` : `${inFlight}/${concurrency}`
}
