/** What users give as streams, as one thing: steps that are taken one after the other. Owns how each kind is read and let go. */
import type { StreamKind } from '@waybill/core'

/** An iterator, asynchronous or not. */
export interface Steps {
  next(): Step | PromiseLike<Step>
  /** No more will be asked for. */
  return?(): unknown
}

export interface Step {
  readonly done?: boolean | undefined
  readonly value: unknown
}

/** Begins to read it: a ReadableStream is locked from here on. Throws what the user's code throws. */
export function stepsOf(source: object, kind: StreamKind): Steps {
  if (kind !== 'values') return readerOf(source as ReadableStream)
  const iterable = source as { [Symbol.asyncIterator]?: () => Steps; [Symbol.iterator]?: () => Steps }
  const begin = iterable[Symbol.asyncIterator]
  return begin === undefined ? settled(iterable[Symbol.iterator]!.call(source)) : begin.call(source)
}

/** Promises among the values of what is not asynchronous are awaited, as `for await` does. */
function settled(steps: Steps): Steps {
  const next = (): Step | PromiseLike<Step> => {
    const { done, value } = steps.next() as Step
    if (!isPromise(value)) return { done, value }
    return Promise.resolve(value).then(
      (its) => ({ done, value: its }),
      (error: unknown) => {
        if (done !== true) steps.return?.()
        throw error
      },
    )
  }
  return { next, return: () => steps.return?.() }
}

function readerOf(stream: ReadableStream<unknown>): Steps {
  const reader = stream.getReader()
  return {
    next: () => reader.read() as Promise<Step>,
    return: () => reader.cancel(),
  }
}

/** Nobody will read any more of it. What it says to that is its own affair; `then` is called when it has said it. */
export function letGo(steps: () => Steps, then: () => void): void {
  let ended: unknown
  try {
    ended = steps().return?.()
  } catch {
    // It could not even begin, or be ended.
  }
  if (isPromise(ended)) ended.then(then, then)
  else then()
}

export function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}
