/**
 * The door of the body: values to bytes and back, with superjson installed. A page has `page.js` instead.
 */

import { beyondWith } from './beyond.js'
import { installBeyond } from './port.js'
import { nativeText } from './native-text.js'
import { superjsonCodec } from './rich.js'
import { installNativeText } from './text.js'

installBeyond(beyondWith(superjsonCodec))
installNativeText(nativeText)

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
export { Parcel, PARCEL_HEADERS, readParcel, readWholeParcel, writeParcel, type ParcelHead } from './parcel.js'
export { superjsonCodec as richCodec } from './rich.js'
