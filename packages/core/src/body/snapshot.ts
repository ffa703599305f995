/**
 * A value as it is at this moment, for who has to write it later: who gave it may change it meanwhile. Copies what a body would copy; anything else is
 * passed as it is, for a body hands it over, as a stream, or refuses it.
 */

/** Never throws: what cannot be read stays as it is, and whoever writes it will learn why. */
export function snapshot(value: unknown, maxDepth: number): unknown {
  try {
    return copyOf(value, maxDepth, new Map())
  } catch {
    return value
  }
}

function copyOf(value: unknown, depth: number, copies: Map<object, object>): unknown {
  if (typeof value !== 'object' || value === null || depth < 0) return value
  const known = copies.get(value)
  if (known !== undefined) return known
  const kept = <T extends object>(copy: T): T => {
    copies.set(value, copy)
    return copy
  }
  const inner = (item: unknown): unknown => copyOf(item, depth - 1, copies)
  const prototype: unknown = Object.getPrototypeOf(value)
  switch (prototype) {
    case Array.prototype: {
      const list = value as unknown[]
      const copy = kept<unknown[]>([])
      copy.length = list.length
      for (const at of list.keys()) if (at in list) copy[at] = inner(list[at])
      return copy
    }
    case Object.prototype:
    case null: {
      const keys = Object.keys(value)
      // What has none may be more than it looks: a remote, or something to iterate.
      if (keys.length === 0) return value
      const copy = kept(Object.create(prototype as object | null) as object)
      for (const key of keys) {
        const item = inner((value as Record<string, unknown>)[key])
        Object.defineProperty(copy, key, { value: item, writable: true, enumerable: true, configurable: true })
      }
      return copy
    }
    case Map.prototype: {
      const copy = kept(new Map<unknown, unknown>())
      for (const [key, item] of value as Map<unknown, unknown>) copy.set(inner(key), inner(item))
      return copy
    }
    case Set.prototype: {
      const copy = kept(new Set<unknown>())
      for (const item of value as Set<unknown>) copy.add(inner(item))
      return copy
    }
    case Date.prototype:
      return kept(new Date(value as Date))
    case URL.prototype:
      return kept(new URL(value as URL))
  }
  return ArrayBuffer.isView(value) || prototype === ArrayBuffer.prototype ? kept(structuredClone(value)) : value
}
