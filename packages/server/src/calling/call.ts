/** `POST /call/…`: from the request to the answer. Owns what becomes of a call whose client goes or waits no longer. */
import { WaybillError } from '@waybill/core'
import { tokenIn } from '../access.js'
import { SAFE_HEADERS } from '../gateways/web-door.js'
import { messageOf, readAsked, readBody, type Asked } from './asked.js'
import type { Conversation, ConversationParts } from './conversation.js'
import type { Conversations } from './conversations.js'
import { answerOf, failureOf, type Failure } from './failure.js'
import { unspeakable, Waiting, type Outcome } from './outcome.js'

export class Calling {
  readonly #parts: ConversationParts
  readonly #conversations: Conversations

  constructor(parts: ConversationParts, conversations: Conversations) {
    this.#parts = parts
    this.#conversations = conversations
  }

  /** Never rejects. */
  async call(request: Request): Promise<Response> {
    try {
      const asked = readAsked(request)
      const conversation = await this.#conversations.of(tokenIn(request.headers.get('authorization')))
      const body = await readBody(request, conversation.maxMessageBytes)
      const message = messageOf(asked, body, conversation.name, conversation.maxMessageBytes)
      return await (asked.isStored ? this.#stored(request, conversation, asked, message) : live(request, conversation, asked, message))
    } catch (thrown) {
      return this.failed(thrown)
    }
  }

  failed(thrown: unknown): Response {
    return answerOf(failureOf(this.#parts.json.disclosed(WaybillError.from(thrown, 'no'))))
  }

  async #stored(request: Request, conversation: Conversation, asked: Asked, message: Uint8Array): Promise<Response> {
    const storing = new Waiting()
    conversation.ask(message, storing)
    const stored = await storing.outcome
    if (stored.kind !== 'stored') return answer(stored, asked, {})
    const { sn } = stored
    const headers = { 'waybill-receipt': sn }
    const ended = asked.waitMs === 0 ? undefined : await this.#awaited(request.signal, conversation, sn, asked.waitMs)
    if (ended !== undefined) return answer(ended, asked, headers)
    const text = JSON.stringify({ status: 'received', receipt_id: sn })
    return new Response(text, { status: 202, headers: headersOf(asked, { ...headers, ...JSON_TYPE, location: `/receipts/${sn}` }) })
  }

  /** Undefined where it has not ended by then. */
  async #awaited(gone: AbortSignal, conversation: Conversation, sn: string, waitMs: number): Promise<Outcome | undefined> {
    const waiting = new Waiting()
    let give!: () => void
    const over = new Promise<undefined>((resolve) => (give = () => resolve(undefined)))
    const timer = this.#parts.json.ports.clock.timer(waitMs, give)
    gone.addEventListener('abort', give, { once: true })
    if (gone.aborted) give()
    conversation.watch(sn, waiting)
    try {
      return await Promise.race([waiting.outcome, over])
    } finally {
      timer.cancel()
      gone.removeEventListener('abort', give)
      conversation.unwatch(sn, waiting)
    }
  }
}

/** A client that goes takes its call with it. */
async function live(request: Request, conversation: Conversation, asked: Asked, message: Uint8Array): Promise<Response> {
  const waiting = new Waiting()
  const sn = conversation.ask(message, waiting)
  const cancel = (): void => {
    if (sn !== undefined) conversation.say(sn, 'cancel', { reason: 'who called over HTTP does not wait any more' })
  }
  const { signal } = request
  signal.addEventListener('abort', cancel, { once: true })
  if (signal.aborted) cancel()
  const outcome = await waiting.outcome
  if (outcome.kind === 'stream') {
    const taken = (items: number): void => conversation.say(sn!, 'credit', { stream: 'r0', items })
    return await outcome.stream.response(asked.wantsEvents, { taken, stopped: cancel })
  }
  signal.removeEventListener('abort', cancel)
  if (outcome.kind === 'streams') cancel()
  return answer(outcome, asked, {})
}

const JSON_TYPE = { 'content-type': 'application/json' }

function answer(outcome: Outcome, asked: Asked, headers: Readonly<Record<string, string>>): Response {
  const failed = (failure: Failure): Response => answerOf({ ...failure, headers: { ...failure.headers, ...headersOf(asked, headers) } })
  if (outcome.kind === 'failed') return failed(outcome.failure)
  if (outcome.kind !== 'value') return failed(unspeakable())
  const { text } = outcome
  if (text === undefined) return new Response(null, { status: 204, headers: headersOf(asked, headers) })
  return new Response(text as Uint8Array<ArrayBuffer>, { headers: headersOf(asked, { ...headers, ...JSON_TYPE }) })
}

function headersOf({ applied }: Asked, headers: Readonly<Record<string, string>>): Record<string, string> {
  return { ...headers, ...SAFE_HEADERS, ...(applied !== undefined && { 'preference-applied': applied }) }
}
