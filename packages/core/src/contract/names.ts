/** Owns which names may never be called from elsewhere, whatever an author writes. Must not know classes or contracts. */

const reserved: ReadonlySet<string> = new Set(['then', 'toJSON', ...Object.getOwnPropertyNames(Object.prototype)])

/** `_x`, `#x`, `then`, `toJSON`, `constructor` and all that every object has. */
export function isReserved(name: string): boolean {
  return name === '' || name.startsWith('_') || name.startsWith('#') || reserved.has(name)
}

/** The method of every service that gives its description. It is the client's own, and no service can have one of that name. */
export const DESCRIBE = 'waybill.describe'
