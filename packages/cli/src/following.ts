/** Owns how a stored call is followed to its outcome. The call needs nobody who does: Ctrl-C ends the following, not the call. */
import type { Receipt } from '@waybill/client'
import { Exit } from './exits.js'
import { unlessInterrupted } from './interrupt.js'
import { tellException, tellResult } from './outcome.js'
import { Bar } from './show/bar.js'
import { print, remark, type Terminal } from './terminal.js'

/** `begun` is called when Ctrl-C no longer ends the process: who reads what it says may press it at once. */
export async function follow(receipt: Receipt<unknown>, json: boolean, terminal: Terminal, begun?: () => void): Promise<number> {
  const beside = { receipt: receipt.sn }
  const bar = new Bar(terminal.err)
  void receipt.on('progress', (progress) => bar.show(progress))
  // Told only here: what the end of the client makes of a following that was left is nobody's.
  const tell = await unlessInterrupted(terminal, () => {
    begun?.()
    return receipt.result().then(
      (value) => () => tellResult(value, { json, beside }, terminal),
      (thrown: unknown) => () => tellException(thrown, { json, beside }, terminal),
    )
  })
  bar.clear()
  if (tell !== undefined) return tell()
  if (json) print(JSON.stringify(beside), terminal)
  else remark(`The call goes on. Look at it again with: waybill receipt ${receipt.sn}`, terminal)
  return Exit.interrupted
}
