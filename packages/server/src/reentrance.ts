/** Whether a call would wait for itself: through the calls during which it was made. Pure. */
import type { CallRecord, Instance, Session } from './model.js'

/** Longer chains are not followed; what waits in one ends by its deadline. */
const MOST_CALLS = 256

/** The call that `caller` says it is running while it makes another one; undefined where it is not running it. */
export function runningAt(caller: Session, call: CallRecord | undefined): CallRecord | undefined {
  return call?.instance?.session === caller && call.state !== 'settled' ? call : undefined
}

/** Whether `other` waits for `call`, or is it. */
export function waitsFor(other: CallRecord, call: CallRecord | undefined): boolean {
  let at = call
  for (let step = 0; at !== undefined && step < MOST_CALLS; step++) {
    if (at === other) return true
    at = at.during
  }
  return false
}

/** Whether every place at the instances is taken by a call that waits for `call`. */
export function holdsEveryPlace(call: CallRecord, instances: readonly Instance[]): boolean {
  if (call.during === undefined || instances.length === 0) return false
  const taken = new Map<Instance, number>()
  let at: CallRecord | undefined = call.during
  for (let step = 0; at !== undefined && step < MOST_CALLS; step++) {
    if (at.instance !== undefined) taken.set(at.instance, (taken.get(at.instance) ?? 0) + 1)
    at = at.during
  }
  return instances.every((instance) => (taken.get(instance) ?? 0) >= instance.offer.concurrency)
}
