/** The streams of a call at its caller. Those in its arguments send nothing before they are given credit; those of its result have it. */
import { parseBodyIn, streamConstants } from '@waybill/core'
import type { BodyLimits, ErrorClass, FrameReader, WaybillError } from '@waybill/core'
import { Flows, RESULT } from './flows.js'
import { Gathering } from './gathering.js'
import { Way, type Outlet } from './way.js'

/** All that calls need of streams. A page loads it with the first of them. */
export const callerStreams = {
  gathering: () => new Gathering(),
  way: (outlet: Outlet, call: number) => new Way(outlet, call, undefined),
  flows: callerFlows,
  opened: openedValue,
}

export type CallerStreams = typeof callerStreams

function callerFlows(limits: BodyLimits, errors: readonly ErrorClass[], broken: (error: WaybillError) => void): Flows {
  return new Flows({
    limits,
    errors,
    ownCredit: 0,
    theirCredit: streamConstants.windowBytes,
    within: (steps) => steps,
    broken,
    unwanted: () => {},
    sent: () => {},
  })
}

/** A result with streams in it. Without a body it is a stream itself. Throws what a body can be refused with. */
function openedValue(frame: FrameReader, flows: Flows, limits: BodyLimits): unknown {
  const { encoding, bytes, bodyStart, end } = frame
  if (bodyStart === end) return flows.receive(RESULT, 'values')
  return parseBodyIn(encoding, bytes, bodyStart, end, limits, 'given', (number, kind) => flows.receive(number, kind))
}
