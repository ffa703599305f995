/** A process that is called: writes down what it begins before it begins, and what it has done before it says so. */
import process from 'node:process'
import { currentCall } from '@waybill/client'
import type { Class, ClientLine, WorkerLine } from '../lines.js'
import { LogFile } from '../log-file.js'
import { pause } from '../now.js'
import { services, sumOf, type Worker } from '../services.js'
import { CLIENT_ENDED, given, hopOn } from './joining.js'

const own = given()
const log = new LogFile<WorkerLine | ClientLine>(own.folder, own.who)
let runs = 0

function working(cls: Class): Worker {
  return {
    async run({ ms, throws, key, body }) {
      const { sn, attempt } = currentCall()
      log.write({ e: 'started', sn, attempt, cls, ...(key !== undefined && { key }), sum: sumOf(body) })
      await pause(ms)
      if (throws) {
        log.write({ e: 'threw', sn, attempt })
        throw new RangeError('as it was told to')
      }
      const result = `${own.who}#${++runs}`
      log.write({ e: 'finished', sn, attempt, result })
      return result
    },
  }
}

const client = await hopOn(own, log)
await client.expose(services.once, working('once'))
await client.expose(services.again, working('again'))
process.send!('ready')
const error = await client.closed
if (error !== undefined) {
  console.error(`${own.who}: ${error.message}`)
  process.exit(CLIENT_ENDED)
}
