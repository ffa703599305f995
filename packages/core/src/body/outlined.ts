/** The outline of a rich document, `{ json, meta: { values, v: 1 } }`, before anything in it is read. */

import { violation } from './limits.js'

export interface Outlined {
  readonly json: unknown
  readonly meta: { readonly values: unknown; readonly v: 1 } | undefined
}

/** Throws `ProtocolViolation`. */
export function outlined(document: unknown): Outlined {
  if (!hasKeys(document, 'json', 'meta') || !Object.hasOwn(document, 'json')) throw violation('a rich body must be { json, meta }')
  const { json, meta } = document
  if (meta === undefined) return { json, meta }
  if (!hasKeys(meta, 'values', 'v') || !Object.hasOwn(meta, 'values') || meta['v'] !== 1) {
    throw violation('the meta of a rich body must be { values, v: 1 }')
  }
  return { json, meta: { values: meta['values'], v: 1 } }
}

function hasKeys(value: unknown, ...allowed: readonly string[]): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).every((key) => allowed.includes(key))
}
