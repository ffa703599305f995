/** Owns what a concrete version looks like. Must not know ranges: which versions match is the router's business. */

export const defaultVersion = '0.0.0'

/** Whether `text` is `x.y.z` or `x.y.z-pre.1`, as semver has it. No `v`, no build metadata, at most 64 characters. */
export function isVersion(text: string): boolean {
  if (text.length > 64) return false
  const dash = text.indexOf('-')
  const numbers = (dash < 0 ? text : text.slice(0, dash)).split('.')
  if (numbers.length !== 3 || !numbers.every(isNumber)) return false
  return (
    dash < 0 ||
    text
      .slice(dash + 1)
      .split('.')
      .every(isPrerelease)
  )
}

function isNumber(part: string): boolean {
  return /^(?:0|[1-9][0-9]{0,14})$/.test(part)
}

function isPrerelease(part: string): boolean {
  return /^[0-9]+$/.test(part) ? isNumber(part) : /^[0-9A-Za-z-]+$/.test(part)
}
