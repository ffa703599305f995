/**
 * Owns the one character set of names: letters, digits, `_` and `-`. Must not know what the names are for.
 * The expressions are regular and anchored, so they run in linear time on whatever arrives from the wire.
 */

/** Longest name and service name in characters. The set is ASCII, so that is bytes too. */
const maxNameLength = 64
const maxServiceNameLength = 128

const token = /^[A-Za-z0-9_-]+$/
const tokens = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/

/** Any identifier of the language, so without control and format characters, spaces and punctuation. */
const method = /^[\p{L}\p{Nl}$_][\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}$]*$/u

/** Whether `text` may name a method. */
export function isMethodName(text: string): boolean {
  return text.length <= maxServiceNameLength && method.test(text)
}

/** Whether `text` may name a client, a label or one token of a topic. */
export function isName(text: string): boolean {
  return text.length <= maxNameLength && token.test(text)
}

/** Whether `text` may name a service: names joined by single dots. */
export function isServiceName(text: string): boolean {
  return text.length <= maxServiceNameLength && tokens.test(text)
}
