/** Where a durable subscription is to begin, as the user says it. */
import { isName, quoted, WaybillError, type EventsOptions } from '@waybill/core'

export interface Beginning {
  readonly after: number
  readonly cursorName: string | undefined
}

/** Undefined where nothing says that the subscription is durable. Throws `BadArguments` and `BadAddress`. */
export function beginningOf({ after, cursor }: EventsOptions): Beginning | undefined {
  if (after === undefined && cursor === undefined) return undefined
  if (after !== undefined && (!Number.isSafeInteger(after) || after < 0))
    throw new WaybillError('BadArguments', `after is the id of an event, or 0 for all that are kept, and not ${String(after)}`)
  if (cursor !== undefined && !isName(cursor)) throw new WaybillError('BadAddress', `${quoted(cursor)} is not a name for a cursor`)
  return { after: after ?? 0, cursorName: cursor }
}
