/** What an error says of a call, as a line. */
import { WaybillError } from '@waybill/core'
import type { Told } from '../lines.js'

export function toldOf(sn: string, thrown: unknown): Told {
  const { code, executed } = WaybillError.from(thrown)
  return executed === 'maybe' ? { e: 'indeterminate', sn, code } : { e: 'failed', sn, code, executed }
}
