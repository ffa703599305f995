/**
 * The door of the body without superjson: what a small bundle imports. Until `installRich` is called it carries plain JSON and bytes.
 */

export { encodings, segmentedBit } from './encoding.js'
export { type Ownership, type Segment } from './kinds.js'
export { defaultLimits, type BodyLimits } from './limits.js'
export { parseBody, parseBodyIn } from './parse.js'
export { installRefusal, type Refusal } from './plain.js'
export { installRich, type RichCodec } from './port.js'
export { bodyBytes, prepareBody, prepareBytes, writeBody, type PreparedBody } from './prepare.js'
export { streamKind, type GiveStream, type StreamKind, type TakeStream } from './streams.js'
export { readText, textBound, textBytes, writeText } from './text.js'
