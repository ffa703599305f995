/** What a JSON client has asked for and waits for, and what the frames that answer it say in the members of a message. */
import { encodings, FrameType } from '@waybill/core'
import { bodyMembers, bodyText, type Frame } from './json-frames.js'
import { objectText, pick } from './json-messages.js'
import { parcelText } from './json-parcels.js'
import { exceptionOf, type CallStreams } from './json-streams.js'
import type { Said } from './json-wire.js'

export interface Pending {
  readonly sn: string
  readonly number: number
  /** What answers it: an address, null for the router. */
  readonly destination: string | null
  readonly kind: 'call' | 'stored' | 'watch' | 'subscription' | 'own'
  /** Of what the door itself asked the router: what to do with the answer, and what the client is told. */
  readonly answered?: (frame: Frame) => string
  /** Its streams, in both directions. */
  streams?: CallStreams
  /** Its result is told, and what follows is the streams in it. */
  isOpened?: boolean
}

/** What the frame says, as members; undefined where the client need not hear it. */
export function contentOf(frame: Frame, pending: Pending | undefined): Said | undefined {
  const body = (names: readonly string[]): Said =>
    pick(bodyMembers(frame), names).map(([name, slice]) => [name, new TextDecoder().decode(slice)])
  switch (frame.type) {
    case FrameType.accepted:
      return [['status', '"accepted"']]
    case FrameType.started:
      return [['status', '"started"']]
    case FrameType.stored:
      return [['status', '"stored"'], ...body(['id', 'durability', 'duplicate']), ...receiptOf(frame, pending)]
    case FrameType.progress:
      return [['status', '"progress"'], ...body(['total', 'completed', 'details'])]
    case FrameType.rejected:
      return [['status', '"rejected"'], ...body(['code', 'description', 'details'])]
    case FrameType.exception:
      return [['result', objectText(exceptionOf(frame))]]
    case FrameType.result: {
      if (frame.encoding === encodings.parcel) return [['result', `{"parcel":${parcelText(frame.body, 'yes')}}`]]
      const retval = pending?.answered ? pending.answered(frame) : bodyText(frame.encoding, frame.body, 'yes')
      return [['result', retval === undefined ? '{}' : `{"retval":${retval}}`]]
    }
    default:
      return undefined
  }
}

/** Of a call that came before under the same key: the sn that its receipt has. */
function receiptOf(frame: Frame, pending: Pending | undefined): Said {
  const sn = bodyMembers(frame).get('sn')
  const text = sn && new TextDecoder().decode(sn)
  return text === undefined || text === JSON.stringify(pending?.sn.toLowerCase()) ? [] : [['receipt', text]]
}

/** Nothing follows it. */
export function isLast({ type }: Frame, { kind }: Pending): boolean {
  if (type === FrameType.stored) return kind === 'stored'
  if (type === FrameType.result) return kind !== 'subscription'
  return type === FrameType.exception || type === FrameType.rejected
}
