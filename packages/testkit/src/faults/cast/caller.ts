/**
 * A process that calls: at its rate, from its seed. Writes down what it is about to attempt, that it was stored, and how it ended; what was stored
 * and not ended before its own end is the next start's to learn.
 */
import process from 'node:process'
import { WaybillError, type Client } from '@waybill/client'
import { Seeded } from '../../random.js'
import type { CallerLine, ClientLine } from '../lines.js'
import { LogFile } from '../log-file.js'
import { nowMs, pause } from '../now.js'
import { sumOf } from '../services.js'
import { draw, prepare } from './attempts.js'
import { owedTo } from './caller-memory.js'
import { CLIENT_ENDED, given, hopOn, type Counts, type Order } from './joining.js'
import { toldOf } from './told.js'

/** Calls without an end, of one process. */
const MOST_OPEN = 2000
const TURN_MS = 10
/** Before the router is asked again what became of a call. */
const REST_MS = 100

const own = given()
const log = new LogFile<CallerLine | ClientLine>(own.folder, own.who)
const random = new Seeded(own.seed)
const counts = { attempted: 0, acknowledged: 0, ok: 0, failed: 0, open: 0, isDone: false } satisfies Counts
let isFinishing = false

process.on('message', (order: Order) => (isFinishing = order === 'finish'))
const owed = await owedTo(own.folder, own.former)
for (const sn of owed) log.write({ e: 'inherited', sn })
const client = await hopOn(own, log)
process.send!('ready')
for (const sn of owed) void follow(client, sn)
void client.closed.then((error) => {
  if (error === undefined) return
  console.error(`${own.who}: ${error.message}`)
  process.exit(CLIENT_ENDED)
})

let credit = 0
let formerMs = nowMs()
let toldMs = formerMs
while (!isFinishing || counts.open > 0) {
  await pause(TURN_MS)
  const atMs = nowMs()
  // After a pause of the whole process it does not make up for what it missed.
  credit = isFinishing ? 0 : Math.min(50, credit + (own.rate! * (atMs - formerMs)) / 1000)
  formerMs = atMs
  for (; credit >= 1; credit--) if (counts.open < MOST_OPEN) attempt(client)
  if (atMs - toldMs < 500) continue
  toldMs = atMs
  process.send!(counts)
}
log.write({ e: 'drained' })
process.send!({ ...counts, isDone: true } satisfies Counts, () => void client.close())

function attempt(caller: Client): void {
  const drawn = draw(random)
  const { sn, fire } = prepare(caller, drawn)
  const { cls, stored, key, body } = drawn
  const bytes = body.length
  log.write({ e: 'attempted', sn, cls, stored, ...(key !== undefined && { key }), n: ++counts.attempted, bytes, sum: sumOf(body) })
  counts.open++
  const call = fire()
  let isAcknowledged = false
  if (stored) {
    call.receipt.then(
      ({ durability = 'memory', duplicate }) => {
        isAcknowledged = true
        counts.acknowledged++
        log.write({ e: 'stored', sn, durability, ...(duplicate === true && { duplicate }) })
      },
      () => {},
    )
  }
  call.then(
    (result) => end({ e: 'ok', sn, result }),
    (error: unknown) => {
      // Of a stored call that is only the end of this way to hear of it; its deadline here is not the router's verdict.
      if (isAcknowledged && (isOfTheWay(error) || isOwnVerdict(error))) {
        counts.open--
        void follow(caller, sn)
      } else end(toldOf(sn, error))
    },
  )
}

/** Asks until the router says how it ended. */
async function follow(caller: Client, sn: string): Promise<void> {
  counts.open++
  for (;;) {
    try {
      const result = await caller.receipt<string>(sn).result()
      return end({ e: 'ok', sn, result })
    } catch (thrown) {
      if (thrown instanceof WaybillError && thrown.code === 'NoSuchReceipt') return end({ e: 'gone', sn })
      if (!isOfTheWay(thrown)) return end(toldOf(sn, thrown))
    }
    await pause(REST_MS)
  }
}

function end(line: Extract<CallerLine, { e: 'ok' | 'failed' | 'indeterminate' | 'gone' }>): void {
  log.write(line)
  counts.open--
  counts[line.e === 'ok' ? 'ok' : 'failed']++
}

function isOwnVerdict(thrown: unknown): boolean {
  return thrown instanceof WaybillError && thrown.code === 'DeadlineExceeded' && thrown.executed === 'maybe'
}

/** A router whose disk has failed can say nothing of any call: the next start can. */
function isOfTheWay(thrown: unknown): boolean {
  return thrown instanceof WaybillError && ['RouterLost', 'RouterUnreachable', 'Overloaded', 'Closed', 'Damaged'].includes(thrown.code)
}
