/** `.all()`, whether what gathers is at hand or still to be loaded: then what is asked of the fan is asked of that, in order. */
import { isPlain, snapshot, type BodyLimits, type Fan, type Gathered } from '@waybill/core'
import type { GroupRequest, Groups } from './groups.js'
import type { Late } from './late.js'
import { PromisedGenerator } from './streams/promised.js'

export interface FansParts {
  readonly groups: Late<Groups>
  /** What writes arguments beyond plain JSON. */
  readonly bodies: Late<unknown>
  readonly limits: BodyLimits
  /** A serial number for what is not itself a call. */
  readonly mint: () => string
}

export class Fans {
  readonly #parts: FansParts

  constructor(parts: FansParts) {
    this.#parts = parts
  }

  /** Begins a group. It never throws: what is wrong with it is its outcome. */
  start(asked: GroupRequest, args: readonly unknown[]): Fan<unknown> {
    const { groups, bodies, limits, mint } = this.#parts
    const sn = mint()
    const isWritable = bodies.now !== undefined || isPlain(args, limits)
    if (groups.now !== undefined && isWritable) return groups.now.start(sn, asked, args)
    // As for one call: the caller may change them afterwards.
    const taken = snapshot(args, limits.maxDepth) as readonly unknown[]
    const loading = Promise.all([groups.load(), isWritable || bodies.load()])
    return lateFan(
      sn,
      loading.then(([there]) => ({ fan: there.start(sn, asked, taken) })),
    )
  }
}

/** In a box, as a fan is a promise itself. */
interface Boxed {
  readonly fan: Fan<unknown>
}

function lateFan(sn: string, boxed: Promise<Boxed>): Fan<unknown> {
  const gathered = boxed.then(({ fan }): Promise<Gathered<unknown>> => fan)
  const ask = <R>(what: (fan: Fan<unknown>) => R): Promise<R> => boxed.then(({ fan }) => what(fan))
  const read = <E>(what: (fan: Fan<unknown>) => AsyncIterator<E>): AsyncGenerator<E> => {
    const events = ask((fan) => ({ [Symbol.asyncIterator]: () => what(fan) }))
    // Its reader hears of a failure, so the promise's rejection is not unhandled.
    gathered.catch(() => {})
    events.catch(() => {})
    return new PromisedGenerator(events) as AsyncGenerator<E>
  }
  const fan = Object.assign(gathered, {
    sn,
    on(...listening: Parameters<Fan<unknown>['on']>) {
      ask((there) => void there.on(...listening)).catch(() => {})
      return fan
    },
    status: () => read((there) => there.status()),
    [Symbol.asyncIterator]: () => read((there) => there[Symbol.asyncIterator]()),
    cancel: (reason?: unknown) => ask((there) => there.cancel(reason)).catch(() => {}),
  }) as Fan<unknown>
  return fan
}
