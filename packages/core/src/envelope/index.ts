export { envelopeFromFrame, envelopeToFrame, type Names } from './binary.js'
export {
  ENVELOPE_VERSION,
  type Envelope,
  type EnvelopeContent,
  type EnvelopeHead,
  type ExceptionContent,
  type RequestContent,
} from './envelope.js'
export { envelopeFromJson, envelopeToJson, type JsonObject } from './json.js'
