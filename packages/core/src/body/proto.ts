/** The key that a body of plain JSON must not hold, see `keys.ts`. */

/**
 * Whether an object in `json`, parsed from `text`, has an own key `__proto__`. The common bodies are answered without looking at the text,
 * and nearly all others without walking the tree, whose depth must be bounded already.
 */
export function holdsProto(json: unknown, text: string): boolean {
  if (typeof json !== 'object' || json === null || isShortAndFlat(json)) return false
  return (text.includes('__proto__') || text.includes('\\u00')) && anyProto(json)
}

function isShortAndFlat(json: object): boolean {
  if (!Array.isArray(json) || json.length > 8) return false
  for (let i = 0; i < json.length; i++) if (typeof json[i] === 'object' && json[i] !== null) return false
  return true
}

function anyProto(json: unknown): boolean {
  if (typeof json !== 'object' || json === null) return false
  if (Array.isArray(json)) return json.some(anyProto)
  return Object.hasOwn(json, '__proto__') || Object.values(json).some(anyProto)
}
