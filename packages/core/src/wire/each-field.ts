/** All fields of an extension in one pass, for who takes every one of them: routers and callees. */
import { WaybillError } from '../errors/index.js'
import { FIELD_BYTES, fieldEnd } from './extension.js'
import { HEADER_BYTES, type FrameReader } from './header.js'

/** Shows each field of the reader's current frame, in one pass; `start` and `end` are in `frame.bytes`. Throws `ProtocolViolation` as above. */
export function eachField(frame: FrameReader, visit: (tag: number, start: number, end: number) => void): void {
  let at = frame.start + HEADER_BYTES
  const end = at + frame.extensionBytes
  while (at < end) {
    const next = fieldEnd(frame, at, end)
    visit(frame.bytes[at]!, at + FIELD_BYTES, next)
    at = next
  }
}

/** Throws `ProtocolViolation` where the fields of the frame do not add up, or one of them stands twice. */
export function checkFields(frame: FrameReader): void {
  if (frame.extensionBytes === 0) return
  const seen = new Set<number>()
  let at = frame.start + HEADER_BYTES
  const end = at + frame.extensionBytes
  while (at < end) {
    const tag = frame.bytes[at]!
    if (seen.has(tag)) throw new WaybillError('ProtocolViolation', `the extension field ${tag} stands twice`)
    seen.add(tag)
    at = fieldEnd(frame, at, end)
  }
}
