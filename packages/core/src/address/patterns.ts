/** Patterns of subscriptions: names joined by dots, where `*` stands for one name and `**`, at the end, for one or more. */
import { WaybillError } from '../errors/index.js'
import { quoted } from './printable.js'

/** In characters; the set is ASCII, so that is bytes too. */
export const MAX_TOPIC_LENGTH = 255
/** Each is a place where patterns can part, and an event is looked for on all of the ways. */
const MAX_NAMES = 16
export const GRAMMAR = `names of letters, digits, _ and -, joined by dots, at most ${MAX_NAMES} names and ${MAX_TOPIC_LENGTH} characters`

// Comes from the wire. No name can hold a dot, so nothing is looked at more than twice.
const PATTERN = /^(?:(?:[\w-]{1,64}|\*)\.){0,15}(?:[\w-]{1,64}|\*\*?)$/

/** Whether `text` may be the pattern of a subscription; each topic is one. */
export function isPattern(text: string): boolean {
  return text.length <= MAX_TOPIC_LENGTH && PATTERN.test(text)
}

/** Returns the pattern, or throws `BadAddress`. */
export function checkPattern(text: string): string {
  if (isPattern(text)) return text
  throw new WaybillError(
    'BadAddress',
    `${quoted(text, MAX_TOPIC_LENGTH)} is not a pattern: ${GRAMMAR}, where * stands for one name and ** at the end for one or more`,
  )
}
