/**
 * The door of the body in a page: values to bytes and back, the same documents without superjson. What goes beyond plain JSON and bare bytes is not
 * installed: the client loads it where it needs it.
 */

export {
  beyondWith,
  bodyBytes,
  defaultLimits,
  encodings,
  installBeyond,
  installRefusal,
  isPlain,
  isPlainEncoding,
  parseBody,
  parseBodyIn,
  prepareBody,
  prepareBytes,
  readText,
  segmentedBit,
  snapshot,
  streamKind,
  textBound,
  textBytes,
  writeBody,
  writeText,
  type Beyond,
  type BodyLimits,
  type GiveStream,
  type Ownership,
  type PreparedBody,
  type Refusal,
  type RichCodec,
  type Segment,
  type StreamKind,
  type TakeStream,
} from './lean.js'
export { lightCodec as richCodec } from './light.js'
export { Parcel, PARCEL_HEADERS, readParcel, readWholeParcel, writeParcel, type ParcelHead } from './parcel.js'
