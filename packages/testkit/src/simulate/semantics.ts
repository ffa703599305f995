/**
 * How a call can be made: one entry a semantics. Each entry makes the call and tells who keeps the history what its maker is told. Another
 * semantics is another entry.
 */
import type { Call, Exceptional, Receipt, RemoteOptions } from '@waybill/client'

/** What its maker hears of a call, in the order in which it does. */
export interface Hearing {
  /** Its serial number, as soon as the maker can know it. */
  named(sn: string): void
  stored(receipt: Receipt<unknown>): void
  progress(completed: number): void
  /** A listener was told that it is over. */
  told(): void
  result(value: unknown): void
  failed(error: Error & Exceptional): void
  /** Its maker is told nothing more. */
  handedOver(): void
  /** Something of interest that leaves no other trace. */
  seen(what: string): void
}

/** A method of a remote, with whatever arguments. */
export interface Callable {
  (...args: readonly unknown[]): Call<unknown>
  with(options: RemoteOptions): Callable
  async(...args: readonly unknown[]): Promise<Receipt<unknown>>
  send(...args: readonly unknown[]): Promise<{ readonly sn: string }>
  callback(listener: object, ...args: readonly unknown[]): Promise<Receipt<unknown>>
  prepare(...args: readonly unknown[]): { readonly sn: string; fire(): Call<unknown> }
}

/** What of its plan a semantics looks at. */
export interface Wanted {
  readonly isWatched: boolean
  readonly replyto: string
}

export interface Semantics {
  /** How often it is drawn, compared with the others. */
  readonly weight: number
  /** The router answers for it, whoever leaves. */
  readonly isStored: boolean
  /** Its maker hears of its end. */
  readonly isHeardOf: boolean
  readonly options?: RemoteOptions
  make(callable: Callable, args: readonly unknown[], hearing: Hearing, plan: Wanted): void
}

export type SemanticsName = 'live' | 'prepared' | 'send' | 'durable' | 'async' | 'callback' | 'postback'

export const SEMANTICS: Readonly<Record<SemanticsName, Semantics>> = {
  live: {
    weight: 8,
    isStored: false,
    isHeardOf: true,
    make: (callable, args, hearing, plan) => watch(callable(...args), hearing, plan),
  },
  prepared: {
    weight: 1,
    isStored: false,
    isHeardOf: true,
    make: (callable, args, hearing, plan) => {
      const prepared = callable.prepare(...args)
      hearing.named(prepared.sn)
      const call = prepared.fire()
      if (call.sn !== prepared.sn) hearing.failed(Object.assign(new Error('another serial number than prepared'), WRONG))
      watch(call, hearing, plan)
      hearing.seen('prepared call that is fired')
    },
  },
  send: {
    weight: 2,
    isStored: false,
    isHeardOf: false,
    make: (callable, args, hearing) => {
      callable.send(...args).then(({ sn }) => (hearing.named(sn), hearing.handedOver()), hearing.failed)
    },
  },
  durable: {
    weight: 2,
    isStored: true,
    isHeardOf: true,
    options: { durable: true },
    make: (callable, args, hearing, plan) => {
      const call = callable(...args)
      watch(call, hearing, plan)
      call.receipt.then(hearing.stored, () => {})
    },
  },
  async: {
    weight: 4,
    isStored: true,
    isHeardOf: true,
    make: (callable, args, hearing) => {
      callable.async(...args).then((receipt) => {
        hearing.named(receipt.sn)
        hearing.stored(receipt)
        // Once for each who asks, so that the promise itself shows the end.
        void receipt.on('progress', ({ completed }) => hearing.progress(completed))
        listen(receipt, hearing)
        receipt.result().then(hearing.result, hearing.failed)
      }, failing(hearing))
    },
  },
  callback: {
    weight: 2,
    isStored: true,
    isHeardOf: true,
    make: (callable, args, hearing) => {
      const over = (): void => hearing.told()
      const listener = {
        progress: ({ completed }: { completed: number }) => hearing.progress(completed),
        result: (value: unknown) => (over(), hearing.result(value)),
        exception: (error: Error & Exceptional) => (over(), hearing.failed(error)),
        rejected: ({ code, description }: { code: string; description: string }) => (
          over(),
          hearing.failed(Object.assign(new Error(description), { code, executed: 'no' as const, retryable: false }))
        ),
      }
      callable.callback(listener, ...args).then((receipt) => {
        hearing.named(receipt.sn)
        hearing.stored(receipt)
      }, failing(hearing))
    },
  },
  postback: {
    weight: 1,
    isStored: true,
    isHeardOf: false,
    make: (callable, args, hearing, { replyto }) => {
      callable.callback({ replyto }, ...args).then((receipt) => {
        hearing.named(receipt.sn)
        hearing.stored(receipt)
      }, hearing.failed)
    },
  },
}

const WRONG = { code: 'Internal', executed: 'maybe', retryable: false } as const

/** A call that was never stored has no listener: its maker is told by the promise alone. */
function failing(hearing: Hearing): (error: Error & Exceptional) => void {
  return (error) => {
    hearing.told()
    hearing.failed(error)
  }
}

function watch(call: Call<unknown>, hearing: Hearing, plan: Wanted): void {
  hearing.named(call.sn)
  call.then(hearing.result, hearing.failed)
  listen(call, hearing)
  void call.on('progress', ({ completed }) => hearing.progress(completed))
  if (plan.isWatched) void call.on('accepted', () => hearing.seen('accepted is told')).on('started', () => hearing.seen('started is told'))
}

function listen(watched: Call<unknown> | Receipt<unknown>, hearing: Hearing): void {
  void watched.on('result', hearing.told)
  void watched.on('exception', hearing.told)
  void watched.on('rejected', hearing.told)
}
