/**
 * The rich codec for pages: writes and reads the same documents as `rich.ts`, without superjson, which is larger than all the rest of the body.
 * The tree that it is given is lifted already, so only what `guard.ts` lists can stand in it.
 */

import { guardAnnotations, splitPath } from './guard.js'
import { Marker, markerName, Sealed } from './marker.js'
import { outlined } from './outlined.js'
import type { RichCodec } from './port.js'
import { settle } from './settle.js'

type Annotations = Record<string, Annotation>
type Type = string | readonly [string, string]
type Annotation = readonly [Type] | readonly [Type, Annotations]
type Json = Record<string, unknown>

/** No key is written so: a reverse solidus in a path stands before another character. */
const ROOT = '\\'

export const lightCodec: RichCodec = {
  write(lifted) {
    const annotations: Annotations = {}
    const json = plain(lifted, ROOT, annotations)
    const values = annotations[ROOT] ?? (isEmpty(annotations) ? undefined : annotations)
    return JSON.stringify(values === undefined ? { json } : { json, meta: { values, v: 1 } })
  },

  read(document, limits, fill, streams) {
    const { json: empty, meta } = outlined(document)
    const json = fill === undefined ? empty : fill(empty)
    if (meta === undefined) return settle(json, limits, streams)
    const { values } = meta
    guardAnnotations(json, values, limits)
    // Both are what the guard has found them to be.
    const revived = Array.isArray(values)
      ? revive(json, values as unknown as Annotation)
      : (reviveIn(json as Json, values as Annotations), json)
    return settle(revived, limits, streams)
  },
}

// ---- writing

/** The JSON of a value at a path; what it is beyond that goes into `annotations`. */
function plain(value: unknown, path: string, annotations: Annotations): unknown {
  const annotated = (type: Type, json: unknown, children?: Annotations): unknown => {
    annotations[path] = children === undefined || isEmpty(children) ? [type] : [type, children]
    return json
  }
  switch (typeof value) {
    case 'undefined':
      return annotated('undefined', null)
    case 'bigint':
      return annotated('bigint', String(value))
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0) ? value : annotated('number', Object.is(value, -0) ? '-0' : String(value))
    case 'object':
      break
    default:
      return value
  }
  if (value === null) return null
  if (value instanceof Sealed) return value.tree
  if (value instanceof Marker) return annotated(['custom', markerName], value.payload)
  if (value instanceof Date) return annotated('Date', value.toISOString())
  if (value instanceof URL) return annotated('URL', value.href)
  if (value instanceof Error) return annotated('Error', { name: value.name, message: value.message })
  const within: Annotations = {}
  if (value instanceof Set) return annotated('set', plainList([...value], '', within), within)
  if (value instanceof Map) {
    const pairs = Array.from(value, (pair, index) => plainList(pair, `${index}.`, within))
    return annotated('map', pairs, within)
  }
  const inside = path === ROOT ? '' : `${path}.`
  if (Array.isArray(value)) return plainList(value, inside, annotations)
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, plain(item, inside + key.replace(/[\\.]/g, String.raw`\$&`), annotations)]),
  )
}

function plainList(list: readonly unknown[], inside: string, annotations: Annotations): unknown[] {
  return list.map((item, index) => plain(item, `${inside}${index}`, annotations))
}

function isEmpty(annotations: Annotations): boolean {
  return Object.keys(annotations).length === 0
}

// ---- reading

/** In place: no path leads through another one. */
function reviveIn(json: Json, annotations: Annotations): void {
  for (const [path, annotation] of Object.entries(annotations)) {
    const steps = splitPath(path)
    const last = steps.pop()!
    let holder = json
    for (const step of steps) holder = holder[step] as Json
    holder[last] = revive(holder[last], annotation)
  }
}

function revive(json: unknown, [type, children]: Annotation): unknown {
  if (children !== undefined) reviveIn(json as Json, children)
  switch (type) {
    case 'undefined':
      return undefined
    case 'number':
      return Number(json)
    case 'bigint':
      return BigInt(json as string)
    case 'Date':
      return new Date(json as string)
    case 'URL':
      return new URL(json as string)
    case 'set':
      return new Set(json as unknown[])
    case 'map':
      return new Map(json as [unknown, unknown][])
    case 'Error': {
      const { name, message } = json as Error
      return Object.assign(new Error(message), { name })
    }
    default:
      return new Marker(json as Marker['payload'])
  }
}
