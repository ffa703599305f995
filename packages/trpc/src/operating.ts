/** A query or a mutation: one call, which gives one value or a stream of them. Owns when it is cancelled. */
import type { AnyTRPCRouter, TRPCCombinedDataTransformer } from '@trpc/server'
import { WaybillError } from '@waybill/core'
import { clientErrorOf } from './failures.js'
import { argumentsOf, type Operating } from './operation.js'
import { isStream } from './procedures.js'

/** Returns what ends it: a call whose answer is not there yet is cancelled on the server. */
export function operate<R extends AnyTRPCRouter>({ remote, op, options, transformer, hearing }: Operating<R>): () => void {
  const { signal } = op
  const fail = (thrown: unknown): void => hearing.error(clientErrorOf<R>(thrown, transformer))
  const nothing = (): void => {}
  if (signal?.aborted === true) {
    fail(new WaybillError('Cancelled', 'the operation was aborted before it was sent', { executed: 'no', cause: signal.reason }))
    return nothing
  }
  try {
    const method = op.type === 'mutation' ? remote.mutation : remote.query
    const args = argumentsOf(op.path, op.input, transformer)
    const call = Object.keys(options).length > 0 ? method.with(options)(...args) : method(...args)
    const cancel = (): void => void call.cancel(signal?.reason).catch(nothing)
    const over = (): void => signal?.removeEventListener('abort', cancel)
    signal?.addEventListener('abort', cancel, { once: true })
    // Whoever waits for one value lets go as soon as it is there; what streams goes on then.
    let isThere = false
    const give = (value: unknown): void => {
      isThere = true
      if (!isStream(value)) over()
      hearing.next({
        result: { type: 'data', data: isStream(value) ? read<R>(value, transformer, over) : transformer.output.deserialize(value) },
      })
      hearing.complete()
    }
    call.then(give).catch((thrown: unknown) => {
      isThere = true
      over()
      fail(thrown)
    })
    return () => {
      if (!isThere) cancel()
    }
  } catch (thrown) {
    fail(thrown)
    return nothing
  }
}

/** What a procedure streams. `over` is called when it has ended. */
async function* read<R extends AnyTRPCRouter>(
  source: AsyncIterable<unknown>,
  { output }: TRPCCombinedDataTransformer,
  over: () => void,
): AsyncGenerator<unknown, unknown> {
  const stream = source[Symbol.asyncIterator]()
  try {
    for (;;) {
      const { done, value } = await stream.next()
      if (done === true) return output.deserialize(value) as unknown
      yield output.deserialize(value)
    }
  } catch (thrown) {
    throw clientErrorOf<R>(thrown, { input: output, output })
  } finally {
    over()
    await stream.return?.()
  }
}
