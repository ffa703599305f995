/** Parcels over HTTP while the router and the receivers are killed: none is lost, none is answered twice, and their receipts tell the truth. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Seeded } from '../../random.js'
import { ask, type Asked } from '../cast/asking.js'
import { forkOwn, type Child } from '../cast/children.js'
import type { Given } from '../cast/joining.js'
import { parcelViolations, type ReceiverLine, type SentParcel } from '../check/parcels.js'
import { nowMs, pause, within } from '../now.js'
import type { Run } from '../run.js'
import { routerFor } from './short-storm.js'

const RECEIVERS = 3
const MOST_SENT_A_SECOND = 40
/** For all that is due to end. */
const CALM_MS = 60_000
const REST_MS = 30

export async function http(run: Run): Promise<number> {
  const rig = await routerFor({ ...run, part: 'http' })
  if (rig === undefined) return 0
  const { options, signal, say } = run
  const { router, log, logs } = rig
  const random = new Seeded(options.seed)
  const url = router.web.replace(/^ws/, 'http')
  await router.start()
  for (const name of ['dog', 'walker'])
    await persist(() => ask(`${url}/register`, { method: 'POST', body: JSON.stringify({ name, concurrency: 64 }) }))

  const receivers = Array.from({ length: RECEIVERS }, (_none, place) => receiver(place, 0))
  function receiver(place: number, start: number): Child {
    const given: Given = { url, folder: logs, who: `receiver-${place}`, name: 'dog', seed: options.seed + place + 10 * start }
    return forkOwn(new URL('../cast/receiver.js', import.meta.url), given)
  }

  const kills = { router: 0, receivers: 0 }
  let isStorm = true
  const killing = (async () => {
    while (isStorm) {
      await pause(random.whole(50, 900), signal)
      if (random.chance(0.4)) {
        kills.router++
        await router.kill()
        await pause(random.whole(0, 300))
        await router.start()
      } else {
        const place = random.whole(0, RECEIVERS - 1)
        receivers[place]!.kill('SIGKILL')
        await receivers[place]!.ended
        receivers[place] = receiver(place, ++kills.receivers)
      }
    }
  })()

  const sns: string[] = []
  const told = new Map<string, string>()
  let isOver = false
  const listening = (async () => {
    while (!isOver) {
      const item = await ask(`${url}/receive?name=walker&wait=1&lease=2`)
      if (item?.status !== 200) await pause(REST_MS)
      else {
        told.set(item.headers.get('waybill-receipt')!, item.text)
        // Not heard: it may come again, and is the same.
        await ask(item.headers.get('waybill-received')!, { method: 'POST' })
      }
    }
  })()
  const fromMs = nowMs()
  for (let n = 1; nowMs() - fromMs < options.stormMs && !signal.aborted; n++) {
    const headers = { 'waybill-from': 'walker', 'idempotency-key': String(n), 'waybill-ttl': '15m' }
    const { text } = await persist(() => ask(`${url}/dispatch/dog`, { method: 'POST', body: `parcel ${n}`, headers }))
    sns.push((JSON.parse(text) as { receipt_id: string }).receipt_id)
    await pause(1000 / MOST_SENT_A_SECOND)
  }
  isStorm = false
  await killing

  const resultOf = async (sn: string): Promise<string | undefined> => {
    const result = await ask(`${url}/receipts/${sn}/result`)
    return result?.status === 200 ? result.text : undefined
  }
  await within(CALM_MS, async () => signal.aborted || (told.size === sns.length && (await resultOf(sns.at(-1)!)) !== undefined))
  isOver = true
  await listening
  const sent: SentParcel[] = []
  for (const sn of sns) sent.push({ sn, result: await resultOf(sn), told: told.get(sn) })
  for (const child of receivers) child.kill('SIGKILL')
  await Promise.all(receivers.map(({ ended }) => ended))
  await router.ask()
  log.close()
  if (signal.aborted) return 0
  const lines = await linesIn(logs)
  const found = parcelViolations(sent, lines)
  const again = lines.filter(({ e }) => e === 'took').length - sns.length
  say(
    `\nhttp: ${sns.length} parcels, ${again} handed over again; killed: the router ${kills.router} times, receivers ${kills.receivers} times; ${found.length} violations`,
  )
  for (const sentence of found.slice(0, 20)) say(`  ${sentence}`)
  return found.length
}

/** Again until the router has taken it: each says by a key, or by its name, that it is the same. */
async function persist(attempt: () => Promise<Asked | undefined>): Promise<Asked> {
  for (;;) {
    const answer = await attempt()
    if (answer?.status === 200) return answer
    if (answer !== undefined && answer.status < 500 && answer.status !== 429) throw new Error(`${answer.status}: ${answer.text}`)
    await pause(REST_MS)
  }
}

async function linesIn(folder: string): Promise<readonly ReceiverLine[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.parcels'))
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))
  return texts.flatMap((text) =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as ReceiverLine),
  )
}
