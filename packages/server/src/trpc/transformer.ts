/**
 * superjson as `@trpc/client` brings it, on an instance of its own. What comes in is checked by the rules of bodies before anything is built of it; repeated
 * references are values of their own.
 */
import { defaultLimits, richCodec } from '@waybill/core'
import { SuperJSON } from 'superjson'

const superjson = new SuperJSON()

export const transformer = {
  serialize: (value: unknown): unknown => superjson.serialize(value),
  /** Throws `ProtocolViolation` for what superjson has not written, and `TooLarge`. */
  deserialize(document: unknown): unknown {
    const { json, meta } = (document ?? {}) as { json?: unknown; meta?: { values?: unknown } }
    const values = meta?.values
    return richCodec.read(values === undefined ? { json } : { json, meta: { values, v: 1 } }, defaultLimits, undefined, undefined)
  },
}
