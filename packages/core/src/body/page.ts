/**
 * The door of the body: values to bytes and back, as a page has it: the same documents without superjson.
 */

import { lightCodec } from './light.js'
import { installRich } from './port.js'

installRich(lightCodec)

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
export { lightCodec } from './light.js'
