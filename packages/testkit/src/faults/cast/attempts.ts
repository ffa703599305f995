/** Which calls a caller makes: how large, in which class, under which order. Draws and prepares; sends nothing. */
import type { Client, Prepared } from '@waybill/client'
import type { Seeded } from '../../random.js'
import type { Class } from '../lines.js'
import { ADDRESSES, type Work, type Worker } from '../services.js'

export interface Drawn extends Work {
  readonly cls: Class
  readonly stored: boolean
}

const KiB = 1024
/** What nobody will take must say so soon. */
const NOBODY_TTL_MS = 2000
/** Longer than any outage of a run. */
const TTL = '15m'
const LIVE_TIMEOUT = '20s'
const KEYS = 12

/** What each body is cut from, so that a large one costs no chance of its own. */
const text = 'one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen '.repeat(4)
const bytes = new Uint8Array(1536 * KiB).map((_, at) => (at * 2_654_435_761) >>> 24)

export function draw(random: Seeded): Drawn {
  const cls = random.chance(0.004) ? 'nobody' : random.chance(0.5) ? 'once' : 'again'
  return {
    cls,
    stored: cls === 'nobody' || random.chance(0.9),
    // Serial work waits behind whatever is in doubt: there must be little of it.
    ...(random.chance(0.006) && { key: `k${random.whole(1, KEYS)}` }),
    ms: random.chance(0.01) ? random.whole(200, 1500) : random.whole(0, 20),
    throws: random.chance(0.02),
    body: bodyOf(random),
  }
}

function bodyOf(random: Seeded): string | Uint8Array {
  // In many frames, in one large one, or small.
  if (random.chance(0.0005)) return bytes.subarray(0, random.whole(1100 * KiB, bytes.length))
  if (random.chance(0.004)) return bytes.subarray(0, random.whole(64 * KiB, 160 * KiB))
  return text.slice(0, random.whole(10, 300))
}

export function prepare(client: Client, { cls, stored, key, ms, throws, body }: Drawn): Prepared<string> {
  const orderKey = key !== undefined && { orderKey: key }
  const { run } = client.remote<Worker>(ADDRESSES[cls])
  const method = stored
    ? run.with({ durable: true, ttl: cls === 'nobody' ? NOBODY_TTL_MS : TTL, ...orderKey })
    : run.with({ timeout: LIVE_TIMEOUT, ...orderKey })
  return method.prepare({ ms, throws, ...(key !== undefined && { key }), body })
}
