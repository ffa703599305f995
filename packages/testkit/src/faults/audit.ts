/** Asks the router, when everything has calmed down, what it says of the calls that were to be stored, and writes it down beside the other logs. */
import { connect, WaybillError, type Client } from '@waybill/client'
import { toldOf } from './cast/told.js'
import type { Call, History } from './check/history.js'
import type { AuditLine } from './lines.js'
import { LogFile } from './log-file.js'
import { within } from './now.js'

/** Of those whose end is known, so many of the newest: the router may forget others for want of room. */
const MOST_ENDED = 5000
const AT_ONCE = 200
/** What is pending has so long to end. */
const DRAIN_MS = 75_000

export async function audit(url: string, folder: string, history: History): Promise<void> {
  const log = new LogFile<AuditLine>(folder, 'audit')
  const client = await connect(url, { timeout: '30s' })
  try {
    await within(DRAIN_MS, async () => (await client.receipts({ state: 'pending', limit: 1 })).length === 0, 200)
    const pending = new Set<string>()
    for (const { sn, state } of await client.receipts({ state: 'pending', limit: 1000 })) {
      // Those that an earlier storm has left are that one's.
      if (!history.calls.has(sn)) continue
      pending.add(sn)
      log.write({ e: 'pending', sn, state })
    }
    const asked = worthAsking(history).filter(({ sn }) => !pending.has(sn))
    const next = asked.values()
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (const { sn } of next) log.write(await endOf(client, sn))
      }),
    )
  } finally {
    await client.close({ drainMs: 0 })
    log.close()
  }
}

function worthAsking({ calls }: History): readonly Call[] {
  const stored = [...calls.values()].filter(({ attempted }) => attempted?.stored === true)
  const isKnown = ({ storedMs, told }: Call): boolean => storedMs !== undefined && told.length > 0
  const ended = stored.filter(isKnown).toSorted((one, other) => other.told[0]!.t - one.told[0]!.t)
  return [...stored.filter((call) => !isKnown(call)), ...ended.slice(0, MOST_ENDED)]
}

async function endOf(client: Client, sn: string): Promise<AuditLine> {
  try {
    return { audit: true, e: 'ok', sn, result: await client.receipt<string>(sn).result() }
  } catch (thrown) {
    if (thrown instanceof WaybillError && thrown.code === 'NoSuchReceipt') return { e: 'absent', sn }
    return { audit: true, ...toldOf(sn, thrown) }
  }
}
