/**
 * What must hold of streams, whatever breaks: items in order without gap or repeat, an end only after all of them, nothing after it, no source far ahead of
 * its reader, and on both sides an end. Pure, but for what it tells the history.
 */
import { codes, isCode, streamConstants } from '@waybill/core'
import type { History } from '../history.js'
import type { Flow, FlowEnd, Streamed } from './record.js'

/** What may end a stream in a storm, beside its own word. */
const STORMY = ['WorkerLost', 'RouterLost', 'Superseded', 'Closed', 'NoSuchService', 'NoSuchClient', 'NoSuchVersion', 'Overloaded']

export function checkStreams(history: History, streamed: readonly Streamed[]): void {
  for (const one of streamed) {
    const violate = (invariant: string, what: string): void =>
      history.violate(invariant, `call ${one.plan.id} (${one.plan.by} ${one.plan.direction}): ${what}`)
    checkCall(history, one, violate)
    for (const flow of one.flows) checkFlow(flow, (invariant, what) => violate(invariant, `stream to the ${flow.toward}: ${what}`))
    for (const state of statesOf(one)) history.count(state)
  }
}

type Violate = (invariant: string, what: string) => void

function checkCall(history: History, one: Streamed, violate: Violate): void {
  const { end, process, runs } = one
  if (runs > 1) violate('I3', `it ran ${runs} times`)
  if (end === undefined) {
    if (process.isAlive) violate('I16', 'it has no end long after everything works again')
    return
  }
  if (end.kind !== 'failed') return
  const { code, executed, message } = end
  if (executed === 'no' && runs > 0) violate('I5', `${code}{no}, and it ran`)
  if (executed === 'yes' && runs === 0) violate('I6', `${code}{yes}, and it never ran`)
  if (isCode(code) && !(codes[code].executed as readonly string[]).includes(executed)) violate('codes', `${code} cannot be ${executed}`)
  if (!isExplained(history, one, end)) violate('explained', `${code}{${executed}} has no cause: ${message}`)
}

function isExplained(
  { scenario }: History,
  { plan, isCancelled, flows }: Streamed,
  { code, message }: FlowEnd & { kind: 'failed' },
): boolean {
  if (isCancelled) return true
  if (code === 'RemoteException') {
    if (plan.source.failsAt !== undefined && message.includes(`failed ${plan.id}`)) return true
    // A reader passes on what it was told.
    return scenario.weather === 'storm' && flows.some(({ toward, end }) => toward === 'callee' && end?.kind === 'failed')
  }
  return scenario.weather === 'storm' && STORMY.includes(code)
}

function checkFlow(flow: Flow, violate: Violate): void {
  const { plan, source, reader, made, read, end, isOwn, isClosed, late } = flow
  const wrong = read.findIndex((number, at) => number !== at)
  if (wrong >= 0) violate('order', `item ${read[wrong]} came in the place of ${wrong}`)
  if (read.length > made) violate('order', `${read.length} items came of ${made}`)
  if (late > 0) violate('order', 'an item came after the end')
  const mostItems = Math.ceil(streamConstants.windowBytes / costOf(plan.source.bytes)) + 3
  if (flow.most > mostItems) violate('credit', `its source was ${flow.most} items ahead, and ${mostItems} is the most`)
  // Who began it was told, where he lives.
  if (source?.isAlive === true && !isClosed) violate('I14', 'the finally of its source never ran')
  if (reader?.isAlive === true && end === undefined) violate('I16', 'its reader was never told of an end')
  if (end?.kind === 'ended') {
    if (read.length !== plan.source.items) violate('order', `its end was told after ${read.length} of ${plan.source.items} items`)
    if (isOwn && flow.toward === 'caller' && end.value !== plan.source.items) violate('I7', `its end says ${String(end.value)}`)
  }
  const isFailure = end?.kind === 'failed' && end.message.includes(`failed ${plan.id}`)
  if (isFailure && read.length !== plan.source.failsAt)
    violate('order', `it failed after ${read.length} items instead of ${plan.source.failsAt}`)
}

/** At least. */
function costOf(bytes: number): number {
  return Math.max(streamConstants.leastCost, bytes)
}

/** Those of interest that leave a trace at the ends; others are seen on the wires. */
function* statesOf({ plan, flows, end, isCancelled, runs }: Streamed): Generator<string> {
  for (const { end: its, read, toward } of flows) {
    if (its?.kind === 'ended') yield `stream to the ${toward} that ends`
    if (its?.kind === 'stopped') yield `stream to the ${toward} that is stopped`
    if (its?.kind !== 'failed' || read.length === 0) continue
    if (its.message.includes(`failed ${plan.id}`)) yield `stream to the ${toward} that fails after items`
    else if (its.code === 'Cancelled' && isCancelled) yield 'stream that is cancelled'
    else yield `stream that ends by ${its.code}`
  }
  if (end?.kind === 'failed' && runs === 0) yield 'call with streams that never ran'
}
