/**
 * Topics of events and patterns of subscriptions: names joined by dots; in a pattern `*` stands for one name and `**`, at the end, for one or
 * more. Read character by character, without regular expressions, as both come from the wire. Knows nothing of who publishes or subscribes.
 */
import { WaybillError } from '../errors/index.js'
import { quoted } from './printable.js'

/** In characters; the set is ASCII, so that is bytes too. */
export const MAX_TOPIC_LENGTH = 255
const MAX_NAME_LENGTH = 64
/** Each is a place where patterns can part, and an event is looked for on all of the ways. */
const MAX_NAMES = 16
/** Topics that begin so are published by the router alone. */
const ROUTERS_OWN = 'waybill.'

const DOT = 0x2e
const STAR = 0x2a

/** Whether `text` may be the topic of an event. */
export function isTopic(text: string): boolean {
  return isWellFormed(text, false)
}

/** Whether `text` may be the pattern of a subscription; each topic is one. */
export function isPattern(text: string): boolean {
  return isWellFormed(text, true)
}

export function isRoutersTopic(topic: string): boolean {
  return topic.startsWith(ROUTERS_OWN)
}

/** Returns the topic, or throws `BadAddress`. */
export function checkTopic(text: string): string {
  if (isTopic(text)) return text
  const hint = isPattern(text) ? 'is a pattern: an event has one topic' : `is not a topic: ${GRAMMAR}`
  throw new WaybillError('BadAddress', `${quoted(text, MAX_TOPIC_LENGTH)} ${hint}`)
}

/** Returns the pattern, or throws `BadAddress`. */
export function checkPattern(text: string): string {
  if (isPattern(text)) return text
  throw new WaybillError(
    'BadAddress',
    `${quoted(text, MAX_TOPIC_LENGTH)} is not a pattern: ${GRAMMAR}, where * stands for one name and ** at the end for one or more`,
  )
}

const GRAMMAR = `names of letters, digits, _ and -, joined by dots, at most ${MAX_NAMES} names and ${MAX_TOPIC_LENGTH} characters`

/** Whether the pattern covers the topic. Both must be well formed. Takes time linear in their lengths. */
export function topicMatches(pattern: string, topic: string): boolean {
  let at = 0
  for (let from = 0; from < pattern.length;) {
    if (at >= topic.length) return false
    if (pattern.charCodeAt(from) === STAR) {
      if (pattern.charCodeAt(from + 1) === STAR) return true
      at = nameEnd(topic, at)
      from++
    } else {
      const end = nameEnd(pattern, from)
      for (; from < end; from++, at++) if (pattern.charCodeAt(from) !== topic.charCodeAt(at)) return false
      if (at < topic.length && topic.charCodeAt(at) !== DOT) return false
    }
    // Over the dots. Past the end of either means that no name follows there.
    from++
    at++
  }
  return at > topic.length
}

/** The end of the name that begins at `at`: its dot, or the end of the text. */
export function nameEnd(text: string, at: number): number {
  const dot = text.indexOf('.', at)
  return dot < 0 ? text.length : dot
}

function isWellFormed(text: string, stars: boolean): boolean {
  if (text.length === 0 || text.length > MAX_TOPIC_LENGTH) return false
  let names = 0
  for (let start = 0; start <= text.length;) {
    const end = nameEnd(text, start)
    if (++names > MAX_NAMES) return false
    if (!(isNameIn(text, start, end) || (stars && isStars(text, start, end)))) return false
    start = end + 1
  }
  return true
}

function isStars(text: string, start: number, end: number): boolean {
  if (text.charCodeAt(start) !== STAR) return false
  if (end - start === 1) return true
  return end - start === 2 && text.charCodeAt(start + 1) === STAR && end === text.length
}

function isNameIn(text: string, start: number, end: number): boolean {
  if (end === start || end - start > MAX_NAME_LENGTH) return false
  for (let at = start; at < end; at++) if (!isNameCode(text.charCodeAt(at))) return false
  return true
}

/** A–Z a–z 0–9 _ - */
function isNameCode(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || (code >= 0x30 && code <= 0x39) || code === 0x5f || code === 0x2d
  )
}
