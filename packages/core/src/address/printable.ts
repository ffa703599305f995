/**
 * The one encoder for what comes from elsewhere and is shown to people, in an error or in a log: no character of it can end a line, move a
 * cursor or turn the direction of writing.
 */

/** Control, format and lone surrogate characters, and the two separators that end a line. JSON itself escapes only some of them. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu
const MOST_CHARACTERS = 200

/** A text in quotes, cut where it is longer than `most` characters. */
export function quoted(text: string, most: number = MOST_CHARACTERS): string {
  return printableJson(text.length <= most ? text : `${text.slice(0, most)}…`)
}

/** One line of JSON: a structured log entry. */
export function logLine(fields: Readonly<Record<string, unknown>>): string {
  return printableJson(fields)
}

function printableJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(UNSAFE, (character) =>
    Array.from({ length: character.length }, (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`).join(''),
  )
}
