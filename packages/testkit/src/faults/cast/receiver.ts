/**
 * A process that takes parcels over HTTP as anybody may: comes for them, writes down what it took, acknowledges now and then, and answers. What its former
 * start had taken and not seen answered, it answers first.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { Seeded } from '../../random.js'
import type { ReceiverLine } from '../check/parcels.js'
import { pause } from '../now.js'
import { ask } from './asking.js'
import { given } from './joining.js'

const own = given()
const file = join(own.folder, `${own.who}.parcels`)
const random = new Seeded(own.seed)
const write = (line: ReceiverLine): void => appendFileSync(file, `${JSON.stringify(line)}\n`)

const open = new Map<string, Extract<ReceiverLine, { e: 'took' }>>()
const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
for (const said of text
  .trimEnd()
  .split('\n')
  .filter((line) => line !== '')) {
  const line = JSON.parse(said) as ReceiverLine
  if (line.e === 'took') open.set(line.id, line)
  else open.delete(line.id)
}
for (const line of open.values()) await answer(line)

for (;;) {
  const item = await ask(`${own.url}/receive?name=${own.name}&wait=2&lease=2`)
  if (item?.status !== 200) {
    await pause(30)
    continue
  }
  const id = item.headers.get('waybill-received')!.split('/').at(-1)!
  const line = { e: 'took', id, sn: item.headers.get('waybill-receipt')!, value: `${item.text} by ${own.who}/${process.pid}` } as const
  write(line)
  if (random.chance(0.6)) await ask(`${own.url}/received/${id}`, { method: 'POST' })
  await pause(random.whole(0, 30))
  await answer(line)
}

/** Until the router has said something about it. */
async function answer({ id, sn, value }: Extract<ReceiverLine, { e: 'took' }>): Promise<void> {
  for (;;) {
    const told = await ask(`${own.url}/postback/${id}`, { method: 'POST', body: value })
    if (told === undefined || told.status >= 500) await pause(30)
    else return write(told.status === 200 ? { e: 'answered', id, sn, value } : { e: 'refused', id, sn, status: told.status })
  }
}
