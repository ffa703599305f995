/**
 * Topics of events, and which patterns cover them. Both come from the wire: reading and comparing them takes time linear in their lengths. Knows nothing of who
 * publishes or subscribes.
 */
import { WaybillError } from '../errors/index.js'
import { GRAMMAR, isPattern, MAX_TOPIC_LENGTH } from './patterns.js'
import { quoted } from './printable.js'

/** Topics that begin so are published by the router alone. */
const ROUTERS_OWN = 'waybill.'

// Comes from the wire. No name can hold a dot, so nothing is looked at more than twice.
const TOPIC = /^(?:[\w-]{1,64}\.){0,15}[\w-]{1,64}$/

const DOT = 0x2e
const STAR = 0x2a

/** Whether `text` may be the topic of an event. */
export function isTopic(text: string): boolean {
  return text.length <= MAX_TOPIC_LENGTH && TOPIC.test(text)
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
