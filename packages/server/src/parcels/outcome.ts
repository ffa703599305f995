/** What became of a stored call, as its words say: the result as bytes with a head, or why there is none. */
import { executedOf, FrameType, WaybillError } from '@waybill/core'
import type { Word } from '../model.js'
import { contentOf, failureOf, type Content, type Failure } from './content.js'

export type Outcome = { readonly content: Content; readonly failure?: never } | { readonly failure: Failure; readonly content?: never }

/** The words are the outcome alone, in pieces as it was said. */
export function outcomeOf(words: readonly Word[]): Outcome {
  const [first] = words
  if (first === undefined) return { failure: { code: 'Damaged', message: 'the outcome is not there', executed: 'maybe' } }
  const { type, flags, encoding } = first
  const body = words.length === 1 ? first.body : Buffer.concat(words.map((word) => word.body))
  if (type === FrameType.rejected) return { failure: failureOf(encoding, body, 'no') }
  if (type === FrameType.exception) return { failure: failureOf(encoding, body, executedOf(flags)) }
  try {
    return { content: contentOf(encoding, body, 'yes') }
  } catch (thrown) {
    const { code, message } = WaybillError.from(thrown)
    return { failure: { code, message, executed: 'yes' } }
  }
}
