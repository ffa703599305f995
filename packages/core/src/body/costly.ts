/**
 * The values that cost more than linear time to revive, and what they may cost. Measured on Node 20: a URL whose host is one label of a
 * million characters takes 80 s (punycode and normalisation are quadratic); a Set of 32,768 integers chosen to collide takes 1 s and of
 * twice as many four times that (engines hash numbers without a secret).
 */

/** An Error counts as so many rich values: it is the dearest of them to make. */
export const errorWeight = 10

const maxAuthority = 2048
/** What a parser would strip (a space before, a tab or line break anywhere) could hide a scheme from the next pattern. */
const printable = /^[\x21-\x7e][\x20-\x7e]*$/
/** The schemes whose hosts are normalised. However many slashes, the parser takes what follows them for the host. */
const authority = /^(?:blob:)?(?:https?|wss?|ftp|file):[/\\]*([^/\\?#]*)/i

/** Whether a serialised URL can be parsed in linear time. Every `href` whose host a name server could know passes. */
export function isCheapUrl(text: string): boolean {
  return printable.test(text) && (authority.exec(text)?.[1]?.length ?? 0) <= maxAuthority
}

/** Whether a member of a Set or a key of a Map counts against `maxNumericKeys`. */
export function isNumeric(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'bigint'
}
