/**
 * One method of a class, called by tRPC: its arguments are checked, its guard is asked, and it runs in a call. Owns which call that is, and how errors are
 * worded for tRPC. Must not know which type of procedure it is.
 */
import { TRPCError } from '@trpc/server'
import { getStatusKeyFromCode, HTTP_CODE_TO_JSONRPC2 } from '@trpc/server/unstable-core-do-not-import'
import { callAtHand, checkArguments, checkResult, codes, iterateInCall, runInCall, WaybillError } from '@waybill/core'
import type { Caller, CurrentCall, MethodContract } from '@waybill/core'
import type { Offered } from './offered.js'

export interface Work {
  readonly offered: Offered
  readonly method: MethodContract
  readonly caller: ((ctx: object) => Caller) | undefined
}

type Steps = Parameters<typeof iterateInCall<unknown>>[1]

/** The list of arguments as the method takes them. Throws or rejects with `BadArguments`. */
export function argumentsOf(input: unknown, method: MethodContract): readonly unknown[] | Promise<readonly unknown[]> {
  if (input !== undefined && !Array.isArray(input)) {
    throw new WaybillError('BadArguments', `the input of ${method.name} is the list of its arguments, also where it takes one`)
  }
  return checkArguments(method, input ?? [])
}

/** Of a method that gives one value. */
export async function give(work: Work, ctx: object, signal: AbortSignal | undefined, args: readonly unknown[]): Promise<unknown> {
  const { offered, method } = work
  const object = offered.take()
  try {
    return await checkResult(method, await begun(work, callOf(work, ctx, signal), object, args))
  } catch (thrown) {
    throw worded(thrown)
  } finally {
    await offered.leave(object)
  }
}

/** Of a method that streams. */
export async function* stream(
  work: Work,
  ctx: object,
  signal: AbortSignal | undefined,
  args: readonly unknown[],
): AsyncGenerator<unknown, void> {
  const { offered } = work
  const call = callOf(work, ctx, signal)
  const object = offered.take()
  let steps: Steps | undefined
  try {
    steps = iterateInCall(call, stepsOf(await begun(work, call, object, args), work))
    for (;;) {
      const step = (await steps.next()) as IteratorResult<unknown>
      if (step.done === true) break
      yield await step.value
    }
    steps = undefined
  } catch (thrown) {
    steps = undefined
    throw worded(thrown)
  } finally {
    await steps?.return?.()
    await offered.leave(object)
  }
}

async function begun({ method }: Work, call: CurrentCall, object: object, args: readonly unknown[]): Promise<unknown> {
  const { guard } = method
  if (guard !== undefined && (await runInCall(call, () => guard(call, args))) !== true) {
    throw new WaybillError('Forbidden', `${call.service}.${method.name} is not for this caller`)
  }
  return await runInCall(call, () => method.invoke.apply(object, [...args]))
}

/** The Waybill call that the procedure runs for; where it is called some other way, one that has no serial number and whose progress nobody hears. */
function callOf({ offered, method, caller }: Work, ctx: object, signal = new AbortController().signal): CurrentCall {
  const atHand = callAtHand()
  if (atHand !== undefined) return atHand
  if (caller === undefined && method.guard !== undefined) {
    throw new WaybillError('Forbidden', `${offered.name}.${method.name} has a guard, and nothing says who calls: give trpcFrom a caller`)
  }
  const call: CurrentCall = {
    sn: '',
    service: offered.name,
    method: method.name,
    caller: caller?.(ctx) ?? { client: '', principal: '' },
    data: undefined,
    attempt: 1,
    signal,
    progress: () => {},
    once: async (_key, work) => await runInCall(call, work),
  }
  return call
}

function stepsOf(value: unknown, { method }: Work): Steps {
  const iterable = value as { [Symbol.asyncIterator]?: () => Steps; [Symbol.iterator]?: () => Steps }
  const steps = iterable[Symbol.asyncIterator]?.() ?? iterable[Symbol.iterator]?.()
  if (steps !== undefined) return steps
  throw new WaybillError('BadResult', `${method.name} gave no stream, as it was to`)
}

/** tRPC has a code for the HTTP status of most of ours; whatever else is thrown it words itself. */
function worded(thrown: unknown): unknown {
  if (!(thrown instanceof WaybillError)) return thrown
  const { status } = codes[thrown.code]
  const code =
    status in HTTP_CODE_TO_JSONRPC2 ? getStatusKeyFromCode(status as keyof typeof HTTP_CODE_TO_JSONRPC2) : 'INTERNAL_SERVER_ERROR'
  return new TRPCError({ code, message: thrown.message, cause: thrown })
}
