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
