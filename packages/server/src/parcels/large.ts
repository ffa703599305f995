/** Bytes of stored calls that are too many for a frame, as their readers want them: of what was asked, and of the outcome. */
import type { WaybillError } from '@waybill/core'
import type { Receipt } from '../model.js'
import type { Store } from '../store.js'
import type { Large } from './content.js'

type Read = (receipt: Receipt, offset: number, length: number, then: (part: Uint8Array | undefined, error?: WaybillError) => void) => void

/** Undefined where they are in its frame. */
export function largeRequest(store: Store, receipt: Receipt): Large | undefined {
  return receipt.terms.body && largeOf(receipt, receipt.terms.body.bytes, store.readRequest.bind(store))
}

export function largeAnswer(store: Store, receipt: Receipt): Large | undefined {
  return receipt.answerBody && largeOf(receipt, receipt.answerBody.bytes, store.readAnswer.bind(store))
}

function largeOf(receipt: Receipt, size: number, read: Read): Large {
  return {
    size,
    read: (offset, length) =>
      new Promise((resolve, reject) => {
        read(receipt, offset, length, (part, error) => (part === undefined ? reject(error!) : resolve(part)))
      }),
  }
}
