/**
 * The door of the body: values to bytes and back, with superjson installed. A bundle that must be small imports `lean.js` instead.
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
  textBound,
  textBytes,
  writeBody,
  writeText,
  type BodyLimits,
  type Ownership,
  type PreparedBody,
  type Refusal,
  type RichCodec,
  type Segment,
} from './lean.js'
export { superjsonCodec } from './rich.js'
