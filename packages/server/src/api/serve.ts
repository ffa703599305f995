/** Answers calls to the router itself. They are quick and need no room, so they are never held, and end in the turn in which they arrive. */
import { findText, Flag, FrameType, HEADER_BYTES, parseBody, prepareBody, quoted, Tag, WaybillError, type FrameReader } from '@waybill/core'
import { except, reject } from '../answers.js'
import type { Incidents } from '../incidents.js'
import type { Session } from '../model.js'
import { notTaken } from '../refusals.js'
import { lastingMethods, routerMethods, type RouterView } from './router-api.js'

export const ROUTER_SERVICE = 'waybill.Router'

export function serveRouterCall(view: RouterView, caller: Session, frame: FrameReader, incidents: Incidents): void {
  const call = frame.call
  // The router has nothing to do of which nobody hears.
  if ((frame.flags & (Flag.noReply | Flag.durable)) === Flag.noReply) return
  const name = findText(frame, Tag.method) ?? ''
  const method = routerMethods.get(name)
  if ((frame.flags & Flag.durable) !== 0)
    return reject(caller, call, new WaybillError('NotStorable', `${ROUTER_SERVICE} answers at once; its calls are not stored`))
  // What it says can be much more than what it is asked: who does not take its answers gets no further ones.
  if (caller.channel.outboundBytes > view.maxOutboundBytes) return reject(caller, call, notTaken())
  if (method === undefined) return reject(caller, call, new WaybillError('NoSuchMethod', `${ROUTER_SERVICE} has no method ${quoted(name)}`))
  if ((frame.flags & Flag.more) !== 0)
    return reject(caller, call, new WaybillError('TooLarge', `arguments of ${ROUTER_SERVICE} fit in one frame`, { executed: 'no' }))
  const answer = (value: unknown): void => {
    const body = prepareBody(value)
    const size = HEADER_BYTES + body.byteLengthBound
    if (size > view.maxFrameBytes) {
      throw new WaybillError('TooLarge', `the answer of ${ROUTER_SERVICE}.${name} does not fit in one frame`, {
        executed: 'yes',
        details: { limit: view.maxFrameBytes, size },
      })
    }
    const say = (): void => {
      if (caller.state !== 'ended') caller.channel.write({ type: FrameType.result, destination: caller.symbol, call }, undefined, body)
    }
    if (lastingMethods.has(name)) view.whenSafe(say, (error) => fail(new WaybillError(error.code, error.message, { executed: 'maybe' })))
    else say()
  }
  const fail = (thrown: unknown): void => {
    if (caller.state === 'ended') return
    const error = incidents.disclosed(`${ROUTER_SERVICE}.${name}`, WaybillError.from(thrown))
    if (error.executed === 'no') reject(caller, call, error)
    else except(caller, call, error, error.executed)
  }
  try {
    const args = parseBody(frame.encoding, frame.body())
    const value = method(view, caller, Array.isArray(args) ? args : [])
    if (value instanceof Promise) value.then(answer).catch(fail)
    else answer(value)
  } catch (thrown) {
    fail(thrown)
  }
}
