/** Durable events as frames: what each of them says beside the value, and how long that is. */
import { extensionField, Flag, FrameType, HEADER_BYTES, joinFields, prepareBody, Tag } from '@waybill/core'
import type { Session } from '../model.js'
import type { LoggedEvent } from './event-records.js'

export function extensionOf({ id, topic, sender, ms }: Omit<LoggedEvent, 'encoding' | 'value'>): Uint8Array {
  return joinFields([
    extensionField(Tag.topic, topic),
    extensionField(Tag.sender, sender),
    extensionField(Tag.cursor, String(id)),
    extensionField(Tag.timestamp, new Date(ms).toISOString()),
  ])
}

/** For one subscription, which is named; returns how long the frame is. */
export function writeEventTo({ channel }: Session, call: number, event: LoggedEvent): number {
  const extension = extensionOf(event)
  channel.writeRaw({ type: FrameType.event, flags: Flag.durable, call }, extension, event.encoding, event.value)
  return HEADER_BYTES + extension.byteLength + event.value.byteLength
}

/** In the place of events that are kept no longer; without numbers, of a log that is not this one. */
export function writeGapTo({ channel }: Session, call: number, gap: { readonly from?: number; readonly to?: number }): void {
  channel.write({ type: FrameType.gap, flags: Flag.durable, call }, undefined, prepareBody(gap))
}
