/**
 * The rich codec: superjson, on an instance of its own, so that what an application registers with the global one changes nothing here.
 * The only file that imports superjson. The document is `{ "json": …, "meta": { "values": …, "v": 1 } }`; superjson's own
 * `referentialEqualities` is never used (it loses track inside Set and Map): a repeated reference is a marker.
 */

import { SuperJSON } from 'superjson'
import { guardAnnotations } from './guard.js'
import { Marker, markerName, type MarkerPayload } from './marker.js'
import { outlined } from './outlined.js'
import type { RichCodec } from './port.js'
import { settle } from './settle.js'

const superjson = new SuperJSON()

superjson.registerCustom<Marker, MarkerPayload>(
  {
    isApplicable: (value): value is Marker => value instanceof Marker,
    serialize: (marker) => marker.payload,
    deserialize: (payload) => new Marker(payload),
  },
  markerName,
)

type Document = Parameters<typeof superjson.deserialize>[0]

export const superjsonCodec: RichCodec = {
  write(lifted) {
    const { json, meta } = superjson.serialize(lifted)
    return JSON.stringify(meta?.values === undefined ? { json } : { json, meta: { values: meta.values, v: 1 } })
  },

  read(document, limits, fill, streams) {
    const { json: empty, meta } = outlined(document)
    const json = fill === undefined ? empty : fill(empty)
    if (meta === undefined) return settle(json, limits, streams)
    guardAnnotations(json, meta.values, limits)
    const revived: unknown = superjson.deserialize({ json, meta } as Document, { inPlace: true })
    return settle(revived, limits, streams)
  },
}
