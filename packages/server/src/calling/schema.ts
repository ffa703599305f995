/** What services say of their values, as schemas within an OpenAPI document. Owns how a schema that was whole goes on meaning the same at its new place. */
import type { Json } from './offered.js'

/** Keywords whose values are schemas under names, and those whose values are none. */
const NAMED: ReadonlySet<string> = new Set(['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas'])
const PLAIN: ReadonlySet<string> = new Set(['const', 'enum', 'default', 'examples', 'example', 'required'])
const PRIMITIVES: ReadonlySet<unknown> = new Set(['string', 'number', 'boolean'])
const ANYTHING = {}

/** `place`: the steps to where it will stand. */
export function schemaOf(described: unknown, place: readonly (string | number)[]): Json {
  if (typeof described === 'object' && described !== null && !Array.isArray(described)) {
    const { $schema: _, ...schema } = described as Json
    return moved(schema, pointerTo(place))
  }
  if (PRIMITIVES.has(described)) return { type: described }
  if (described === 'bigint') return { description: 'a bigint, which JSON cannot carry' }
  if (typeof described !== 'string' || described === 'unknown') return ANYTHING
  return { description: `checked by ${described.replace(/^schema:/, 'a schema of ')}` }
}

/** As a fragment of a URI, RFC 6901. */
export function pointerTo(place: readonly (string | number)[]): string {
  return `#${place.map((step) => `/${encodeURIComponent(String(step).replaceAll('~', '~0').replaceAll('/', '~1'))}`).join('')}`
}

/** What it says of itself (`#`, `#/$defs/…`) it says of its place now. */
function moved(schema: Json, pointer: string): Json {
  const inner = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(inner)
    return typeof value === 'object' && value !== null ? moved(value as Json, pointer) : value
  }
  const under = (value: unknown): unknown =>
    typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value).map(([name, one]) => [name, inner(one)])) : value
  return Object.fromEntries(
    Object.entries(schema).map(([keyword, value]) => {
      if (keyword === '$ref' && typeof value === 'string' && value.startsWith('#')) return [keyword, pointer + value.slice(1)]
      if (NAMED.has(keyword)) return [keyword, under(value)]
      return [keyword, PLAIN.has(keyword) ? value : inner(value)]
    }),
  )
}
