/** A worker dies, and another one comes. */
import type { ChildProcess } from 'node:child_process'
import { setTimeout as wait } from 'node:timers/promises'
import type { Remote } from '@waybill/client'
import type { Dog } from '../dog.js'
import { hopOn } from '../hop-on.js'
import { chapter, code, note, result } from '../show.js'
import { failureOf, tellOf } from './failing.js'

export async function death(dog: Remote<Dog>, kennel: ChildProcess): Promise<void> {
  await chapter('The worker is killed in the middle of a call', 'await dog.walk(100)')
  const lost = failureOf(dog.walk(100))
  await wait(400)
  code(`kill -9 ${kennel.pid}`)
  const killedAt = performance.now()
  kennel.kill('SIGKILL')
  const error = await lost
  tellOf(`${Math.round(performance.now() - killedAt)} ms later`, error)
  note('Every error says whether the call ran: no, maybe or yes.')

  await chapter('Another one takes its place; the caller changes nothing', "await dog.bark('again')")
  await hopOn('kennel2')
  result(await dog.bark('again'))
}
