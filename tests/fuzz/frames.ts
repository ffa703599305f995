/** What each side reads out of the frames that carry no envelope, and out of what calls say beside it: by the same readers that router and client use. */
import {
  checkPattern,
  checkTopic,
  defaultLimits,
  findField,
  findText,
  FrameType,
  parseBody,
  readAddressees,
  readIds,
  serialText,
  Tag,
  type FrameReader,
} from '@waybill/core'
import { readFields } from '../../packages/client/src/arrival.js'
import { readStored } from '../../packages/client/src/failures.js'
import { readTerms } from '../../packages/server/src/terms.js'

/** Throws an error of the protocol where the frame says nothing well formed. */
export function understand(frame: FrameReader): void {
  switch (frame.type) {
    case FrameType.call:
      readTerms(frame)
      readFields(frame, defaultLimits)
      return
    case FrameType.watch: {
      const sn = findField(frame, Tag.sn)
      if (sn !== undefined) serialText(sn)
      return
    }
    case FrameType.holds:
    case FrameType.kept:
    case FrameType.taken:
      return void readIds(frame.body())
    case FrameType.held:
      return void readAddressees(frame.body())
    case FrameType.publish:
      return void checkTopic(findText(frame, Tag.topic) ?? '')
    case FrameType.subscribe:
      return void checkPattern(findText(frame, Tag.topic) ?? '')
    case FrameType.event:
      checkTopic(findText(frame, Tag.topic) ?? '')
      findText(frame, Tag.sender)
      if (Number.isNaN(Number(findText(frame, Tag.cursor)))) checkTopic('')
      return void parseBody(frame.encoding, frame.body())
    case FrameType.gap:
      return void parseBody(frame.encoding, frame.body())
    case FrameType.stored:
      return void readStored(parseBody(frame.encoding, frame.body()))
    default:
  }
}
