/**
 * The door of the body without what goes beyond plain JSON and bare bytes: what a small bundle imports. Until `installBeyond` is called it carries
 * these alone.
 */

export { beyondWith } from './beyond.js'
export type { Ownership, Segment } from './beside.js'
export { encodings, segmentedBit } from './encoding.js'
export { defaultLimits, type BodyLimits } from './limits.js'
export { isPlainEncoding, parseBody, parseBodyIn } from './parse.js'
export { installRefusal, type Refusal } from './plain.js'
export { installBeyond, type Beyond, type PreparedBody, type RichCodec } from './port.js'
export { bodyBytes, isPlain, prepareBody, writeBody } from './prepare.js'
export { snapshot } from './snapshot.js'
export { streamKind, type GiveStream, type StreamKind, type TakeStream } from './streams.js'
export { readText, textBound, textBytes, writeText } from './text.js'
export { prepareBytes } from './whole.js'
