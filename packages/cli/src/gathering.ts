/** Owns how the answers of many instances are told: a line for each as it arrives, or one JSON object at the end. */
import type { Fan } from '@waybill/client'
import { RemoteException, WaybillError } from '@waybill/core'
import { Exit } from './exits.js'
import { failureForm } from './failure.js'
import { interruptible } from './interrupt.js'
import { tellException } from './outcome.js'
import { fold } from './show/fold.js'
import { paint, printable } from './show/paint.js'
import { jsonForm, lineText } from './show/value.js'
import { withoutStreams } from './streaming.js'
import { print, widthOf, type Terminal } from './terminal.js'

/** Exit code 0 only where everybody gave a result. */
export async function gather(fan: Fan<unknown>, json: boolean, terminal: Terminal): Promise<number> {
  const tell = (from: string, text: string): void => print(line(from, text, terminal), terminal)
  const plain = new Map<string, unknown>()
  let interrupted = false
  const stop = (): void => {
    interrupted = true
    void fan.cancel('Ctrl-C')
  }
  const reasons = new Map<string, WaybillError>()
  void fan.on('exception', (error, from) => reasons.set(from, WaybillError.from(error)))
  try {
    return await interruptible(terminal, stop, async () => {
      for await (const answer of fan) {
        if (answer.kind === 'result') {
          const { value } = withoutStreams(answer.value)
          if (json) plain.set(answer.from, jsonForm(value))
          else tell(answer.from, lineText(value))
        } else if (!json) tell(answer.from, exceptionText(WaybillError.from(answer.error)))
      }
      const { exceptions, missing } = await fan
      if (json) {
        const form = {
          results: Object.fromEntries(plain),
          exceptions: Object.fromEntries(Array.from(exceptions, ([from, error]) => [from, failureForm(WaybillError.from(error))])),
          missing,
        }
        print(JSON.stringify(form), terminal)
      } else for (const from of missing) tell(from, missingText(reasons.get(from)))
      return exceptions.size + missing.length === 0 ? Exit.ok : Exit.failed
    })
  } catch (thrown) {
    const exit = tellException(thrown, { json }, terminal)
    return interrupted ? Exit.interrupted : exit
  }
}

function line(from: string, text: string, terminal: Terminal): string {
  const name = printable(from)
  const [first = '', ...rest] = fold(`${name}  ${text}`, widthOf(terminal.out), 4)
  return [paint('bold', name, terminal) + first.slice(name.length), ...rest].join('\n')
}

function exceptionText(error: WaybillError): string {
  const name = error instanceof RemoteException ? error.xclass : error.code
  return `exception  ${lineText(`${name}: ${error.message}`)}  (executed: ${error.executed})`
}

function missingText(reason: WaybillError | undefined): string {
  return `missing  ${reason === undefined ? 'it gave no answer' : lineText(`${reason.code}: ${reason.message}`)}`
}
