/** Owns how a stored call is followed to its outcome. The call needs nobody who does: Ctrl-C ends the following, not the call. */
import type { Receipt } from '@waybill/client'
import { Exit } from './exits.js'
import { unlessInterrupted } from './interrupt.js'
import { tellException, tellResult } from './outcome.js'
import { Bar } from './show/bar.js'

export async function follow(receipt: Receipt<unknown>, json: boolean): Promise<number> {
  const beside = { receipt: receipt.sn }
  const bar = new Bar(process.stderr)
  void receipt.on('progress', (progress) => bar.show(progress))
  // Told only here: what the end of the client makes of a following that was left is nobody's.
  const tell = await unlessInterrupted(() =>
    receipt.result().then(
      (value) => () => tellResult(value, json, beside),
      (thrown: unknown) => () => tellException(thrown, json, beside),
    ),
  )
  bar.clear()
  if (tell !== undefined) return tell()
  if (json) console.log(JSON.stringify(beside))
  else console.error(`The call goes on. Look at it again with: waybill receipt ${receipt.sn}`)
  return Exit.interrupted
}
