/**
 * Object keys that are dangerous on the way, and how they travel. superjson refuses `constructor` and `prototype` as keys, and a key
 * `__proto__` in JSON text is one careless copy away from changing a prototype. So in rich documents each of the three, and any key that
 * begins with a reverse solidus, is written with one reverse solidus before it. Plain JSON carries `constructor` and `prototype` as they
 * are and `__proto__` never.
 */

export function isReserved(key: string): boolean {
  return key === '__proto__' || key === 'constructor' || key === 'prototype'
}

export function keyToWire(key: string): string {
  return isReserved(key) || key.startsWith('\\') ? `\\${key}` : key
}

export function keyFromWire(key: string): string {
  return key.startsWith('\\') ? key.slice(1) : key
}

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
