/** How the processes of the harness hop on, and what they write down of it. Each ends with the harness, whatever became of that. */
import { connect, type Client } from '@waybill/client'
import type { LogFile } from '../log-file.js'
import type { ClientLine } from '../lines.js'
import process from 'node:process'

/** Given by the harness as JSON, the only argument. */
export interface Given {
  readonly url: string
  readonly folder: string
  /** Which process, and which start of it. */
  readonly who: string
  /** Which start came before, in this folder. */
  readonly former?: string
  readonly name?: string
  readonly seed: number
  /** Calls a second. */
  readonly rate?: number
  /** Connections of a crowd. */
  readonly clients?: number
}

/** From the harness. */
export type Order = 'finish'

/** To it, each second. */
export interface Counts {
  readonly attempted: number
  readonly acknowledged: number
  readonly ok: number
  readonly failed: number
  /** Without an end. */
  readonly open: number
  readonly isDone: boolean
}

/** The client ended by itself. */
export const CLIENT_ENDED = 4

export function given(): Given {
  process.once('disconnect', () => process.exit(0))
  return JSON.parse(process.argv[2]!) as Given
}

export async function hopOn({ url, name }: Given, log: LogFile<ClientLine>): Promise<Client> {
  const client = await connect(url, {
    timeout: '2m',
    ...(name !== undefined && { name }),
    backoff: { firstMs: 30, mostMs: 400 },
    onIncident: () => {},
  })
  log.write({ e: 'connected' })
  client.onStatus((status) => {
    if (status.kind === 'connected') log.write({ e: 'connected' })
    else if (status.kind === 'lost') log.write({ e: 'lost', reason: status.reason })
  })
  return client
}
