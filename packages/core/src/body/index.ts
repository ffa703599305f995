/**
 * The door of the body: values to bytes and back, with superjson installed. A page has `page.js` instead.
 */

import { installRich } from './port.js'
import { superjsonCodec } from './rich.js'

installRich(superjsonCodec)

export {
  bodyBytes,
  defaultLimits,
  encodings,
  installRefusal,
  installRich,
  parseBody,
  parseBodyIn,
  prepareBody,
  prepareBytes,
  readText,
  segmentedBit,
  streamKind,
  textBound,
  textBytes,
  writeBody,
  writeText,
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
export { superjsonCodec } from './rich.js'
