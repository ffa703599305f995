/**
 * One subscription of a tRPC client, from its first call to its end: where its server, the router or the session is lost, it is begun again behind the
 * last event that was tracked. Owns which losses those are. Waits with no timer of its own: the router holds the call until somebody serves the app again.
 */
import type { AnyTRPCRouter } from '@trpc/server'
import { WaybillError, type Call, type CallOptions, type Code } from '@waybill/core'
import { clientErrorOf } from './failures.js'
import { argumentsOf, type Operating } from './operation.js'
import { isStream } from './procedures.js'

/** A subscription may be silent for as long as it likes: that its server is there is seen by its session. */
const SILENCE = '365d'
/** How long the router holds a call that begins again; then it is made once more. */
const WAIT = '5m'

/** Whoever had the subscription is gone, and another one may have it. */
const lost: ReadonlySet<Code> = new Set(['RouterLost', 'WorkerLost'])

/** Returns what ends it. However it is ended, who hears of it is told that it is complete, as by tRPC's own links. */
export function subscribe<R extends AnyTRPCRouter>(operating: Operating<R>): () => void {
  const { op, hearing } = operating
  const subscribing = new Subscribing(operating)
  const end = (): void => {
    op.signal?.removeEventListener('abort', end)
    subscribing.stop()
    hearing.complete()
  }
  if (op.signal?.aborted === true) {
    end()
    return () => {}
  }
  op.signal?.addEventListener('abort', end, { once: true })
  void subscribing.run()
  return end
}

class Subscribing<R extends AnyTRPCRouter> {
  readonly #operating: Operating<R>
  #call: Call<unknown> | undefined
  #stopped = false
  /** The id of the last event that had one. */
  #after: string | undefined

  constructor(operating: Operating<R>) {
    this.#operating = operating
  }

  stop(): void {
    this.#stopped = true
    void this.#call?.cancel().catch(() => {})
  }

  async run(): Promise<void> {
    const { hearing, transformer } = this.#operating
    hearing.next({ result: { type: 'state', state: 'connecting', error: null } })
    for (let isAgain = false; !this.#stopped; isAgain = true) {
      try {
        if ((await this.#listen(isAgain)) === 'over') break
        hearing.next({ result: { type: 'state', state: 'connecting', error: null } })
      } catch (thrown) {
        if (this.#stopped) return
        const error = clientErrorOf<R>(thrown, transformer)
        if (!goesOn(thrown, isAgain)) return hearing.error(error)
        hearing.next({ result: { type: 'state', state: 'connecting', error } })
      }
    }
    if (this.#stopped) return
    hearing.next({ result: { type: 'stopped' } })
    hearing.next({ result: { type: 'state', state: 'idle', error: null } })
    hearing.complete()
  }

  /** One call, to its end: the subscription's own, or the word that it is to be begun again elsewhere. */
  async #listen(isAgain: boolean): Promise<'over' | 'elsewhere'> {
    const { remote, op, options, transformer, hearing } = this.#operating
    const asked: CallOptions = { timeout: SILENCE, ...options, ...(isAgain && { ttl: options.ttl ?? WAIT }) }
    const call = remote.subscription.with(asked)(...argumentsOf(op.path, behind(op.input, this.#after), transformer))
    this.#call = call
    const stream = await call
    if (!isStream(stream)) throw new WaybillError('BadResult', `the subscription ${op.path} gave no stream`, { executed: 'yes' })
    hearing.next({ result: { type: 'started' } })
    hearing.next({ result: { type: 'state', state: 'pending', error: null } })
    for await (const item of stream) {
      if ('elsewhere' in item) return 'elsewhere'
      const { id } = item
      const data: unknown = transformer.output.deserialize(item.data)
      if (id !== undefined) this.#after = id
      hearing.next({ result: id === undefined ? { type: 'data', data } : { type: 'data', id, data: { id, data } } })
    }
    return 'over'
  }
}

/** How tRPC tells a procedure where to begin. An input that is no object cannot say it. */
function behind(input: unknown, lastEventId: string | undefined): unknown {
  if (lastEventId === undefined || (typeof input !== 'object' && input !== undefined)) return input
  return { ...input, lastEventId }
}

/** Nobody served the app while the router waited: it goes on to wait. */
function goesOn(thrown: unknown, isAgain: boolean): boolean {
  return thrown instanceof WaybillError && (lost.has(thrown.code) || (isAgain && thrown.code === 'Expired'))
}
