/** Owns what the listing verbs have in common: ask the router, print a table or JSON. */
import { WaybillError, type Client } from '@waybill/client'
import { Exit } from './exits.js'
import { tellFailure } from './failure.js'
import { withRouter, type PlaceOptions } from './place.js'
import { paint } from './show/paint.js'
import { table, type Column } from './show/table.js'

export interface Listing<R> {
  readonly columns: readonly Column<R>[]
  /** Said on stderr instead of a table without rows. */
  readonly empty: string
  /** Said on stderr after the table. */
  readonly note?: (rows: readonly R[]) => string | undefined
  readonly rows: (client: Client) => Promise<readonly R[]>
}

export function listing<R>(options: PlaceOptions, { columns, empty, rows, note }: Listing<R>): Promise<number> {
  const json = options.json === true
  return withRouter(options, async (client) => {
    try {
      const found = await rows(client)
      const noted = note?.(found)
      if (json) console.log(JSON.stringify(found))
      else if (found.length === 0) console.error(empty)
      else print(table(columns, found, process.stdout.isTTY ? process.stdout.columns : undefined))
      if (!json && noted !== undefined) console.error(noted)
      return Exit.ok
    } catch (thrown) {
      tellFailure(WaybillError.from(thrown), { json, ofCall: false })
      return Exit.failed
    }
  })
}

function print([titles, ...lines]: readonly string[]): void {
  console.log([paint('bold', titles ?? ''), ...lines].join('\n'))
}

export function labelsText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([label, value]) => `${label}=${value}`)
    .join(' ')
}
