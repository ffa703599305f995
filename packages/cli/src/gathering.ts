/** Owns how the answers of many instances are told: a line for each as it arrives, or one JSON object at the end. */
import { RemoteException, WaybillError, type Fan } from '@waybill/client'
import { Exit } from './exits.js'
import { failureForm } from './failure.js'
import { interruptible } from './interrupt.js'
import { tellException } from './outcome.js'
import { fold, widthOf } from './show/fold.js'
import { paint, printable } from './show/paint.js'
import { jsonForm, lineText } from './show/value.js'

/** Exit code 0 only where everybody gave a result. */
export async function gather(fan: Fan<unknown>, json: boolean): Promise<number> {
  let interrupted = false
  const stop = (): void => {
    interrupted = true
    void fan.cancel('Ctrl-C')
  }
  const reasons = new Map<string, WaybillError>()
  void fan.on('exception', (error, from) => reasons.set(from, WaybillError.from(error)))
  try {
    return await interruptible(stop, async () => {
      for await (const answer of fan) {
        if (json) continue
        if (answer.kind === 'result') console.log(line(answer.from, lineText(answer.value)))
        else console.log(line(answer.from, exceptionText(WaybillError.from(answer.error))))
      }
      const { results, exceptions, missing } = await fan
      if (json) {
        const form = {
          results: Object.fromEntries(Array.from(results, ([from, value]) => [from, jsonForm(value)])),
          exceptions: Object.fromEntries(Array.from(exceptions, ([from, error]) => [from, failureForm(WaybillError.from(error))])),
          missing,
        }
        console.log(JSON.stringify(form))
      } else for (const from of missing) console.log(line(from, missingText(reasons.get(from))))
      return exceptions.size + missing.length === 0 ? Exit.ok : Exit.failed
    })
  } catch (thrown) {
    const exit = tellException(thrown, json)
    return interrupted ? Exit.interrupted : exit
  }
}

function line(from: string, text: string): string {
  const name = printable(from)
  const [first = '', ...rest] = fold(`${name}  ${text}`, widthOf(process.stdout), 4)
  return [paint('bold', name) + first.slice(name.length), ...rest].join('\n')
}

function exceptionText(error: WaybillError): string {
  const name = error instanceof RemoteException ? error.xclass : error.code
  return `exception  ${lineText(`${name}: ${error.message}`)}  (executed: ${error.executed})`
}

function missingText(reason: WaybillError | undefined): string {
  return `missing  ${reason === undefined ? 'it gave no answer' : lineText(`${reason.code}: ${reason.message}`)}`
}
