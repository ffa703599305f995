/**
 * Sends work to plugins and gets their responses: each is a call of `plugins.NAME`, and its id the serial number of that. Any number of controllers may
 * share a client. Owns what is under way, and nothing of the client.
 */
import type { Client } from '@waybill/client'
import { WaybillError, type Call, type CallOptions, type Clock, type Duration } from '@waybill/core'
import { systemPorts } from '@waybill/core/system'
import { parseDirective, reasonOf, refusalOf, type Directive } from './directives.js'
import { sent, type Payload, type SentPayload } from './payload.js'
import { idText, Responses, type Response } from './responses.js'
import { serviceName, type Methods } from './serve.js'
import { OWN, type NodeStatus } from './work.js'

/** Those of a call that mean the same here. `timeout`: how long it may be silent, 30 s unless said otherwise; progress of the action counts. */
export interface SendOptions extends Pick<CallOptions, 'timeout' | 'deadline' | 'signal' | 'data' | 'where' | 'version' | 'orderKey'> {
  /** The client that is to do it. Default: whoever offers the plugin and has room. */
  readonly recipient?: string
  /** How long it may wait for somebody to take it, also where nobody is there yet. Default: it must be there. */
  readonly expire?: Duration
}

/** What a node says of itself. */
export interface Pong extends NodeStatus {
  readonly initial_time: Date
}

type Stream = Call<unknown> & AsyncIterable<unknown>

export class Controller implements AsyncDisposable {
  readonly #client: Client
  readonly #clock: Clock
  readonly #responses = new Responses()
  readonly #underWay = new Map<string, Stream>()
  readonly #followed = new Set<Promise<void>>()
  #isClosed = false

  /** `clock`: for tests. */
  constructor(client: Client, clock: Clock = systemPorts.clock) {
    this.#client = client
    this.#clock = clock
  }

  /**
   * Sends it and resolves to the id of the call. Whatever becomes of it is a response. Rejects where there is nothing to send: a file that cannot be read, an
   * option that is none.
   */
  async send(directive: string, payload: Payload = '', options: SendOptions = {}): Promise<string> {
    const given = await sent(payload)
    if (this.#isClosed) throw new WaybillError('Closed', 'the controller was closed', { executed: 'no' })
    const parsed = parseDirective(directive)
    const { id, begin } = this.#prepared(directive, parsed, given, options)
    this.#responses.begin(id)
    const following = this.#follow(id, begin, (error) => reasonOf(error, parsed, options.recipient))
    this.#followed.add(following)
    void following.then(() => this.#followed.delete(following))
    return id
  }

  /** The next response to this call, or to any; each response is given once. */
  async recv(id?: bigint | string): Promise<Response> {
    return this.#responses.take(id === undefined ? undefined : idText(id))
  }

  /** All responses to this call, and with them the end. Breaking off before cancels what is left. */
  async *responses(id: bigint | string): AsyncGenerator<Response, void> {
    let ended = false
    try {
      while (!ended) {
        const response = await this.recv(id)
        ended = response.eof
        yield response
      }
    } finally {
      if (!ended) await this.cancel(id)
    }
  }

  /** Responses to all calls, until the controller is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Response, void> {
    while (!this.#isClosed) {
      try {
        yield await this.recv()
      } catch (thrown) {
        if (!this.#isClosed) throw thrown
      }
    }
  }

  /** Whether the node is there, and what its plugins are doing. Rejects where it is not there, or has no plugins. */
  async ping(node: string, { timeout = '5s' }: { readonly timeout?: Duration } = {}): Promise<Pong> {
    const initial_time = new Date(this.#clock.wallMs())
    const own = this.#client.remote<{ ping(): AsyncGenerator<NodeStatus> }>(serviceName(OWN), { on: node, timeout })
    for await (const status of own.ping()) return { initial_time, ...status }
    throw new WaybillError('ProtocolViolation', `what ${node} offers as ${serviceName(OWN)} is not ours`)
  }

  /** Asks for the end of a call; whether it came to that, its end says. Nothing happens where it has ended. */
  async cancel(id: bigint | string, reason?: unknown): Promise<void> {
    await this.#underWay.get(idText(id))?.cancel(reason)
  }

  /** Cancels what is under way; responses that nobody has taken are dropped. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#responses.close()
    await Promise.all([...this.#underWay.values()].map((call) => call.cancel('the controller was closed')))
    await Promise.all(this.#followed)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** What cannot be sent has an id all the same, as its end is to be told: `begin` throws then. */
  #prepared(
    text: string,
    directive: Directive | undefined,
    payload: SentPayload,
    options: SendOptions,
  ): { id: string; begin: () => Stream } {
    const { recipient: on, expire: ttl, ...others } = options
    const target = { ...others, ...(on !== undefined && { on }), ...(ttl !== undefined && { ttl }) }
    const refused = refusalOf(text, directive)
    const remote = this.#client.remote<Methods>(serviceName(refused === undefined ? directive!.plugin : OWN), target)
    // Undefined for a name that no method can have.
    const call = refused === undefined ? remote[directive!.action]?.prepare(payload) : undefined
    const begin = (): Stream => {
      if (call === undefined) throw refused ?? new WaybillError('NoSuchMethod', `no action can have the name in ${text}`)
      return call.fire() as Stream
    }
    return { id: (call ?? remote['ping']!.prepare()).sn, begin }
  }

  /** Takes responses as they are taken here, and tells the end. */
  async #follow(id: string, begin: () => Stream, reason: (error: WaybillError) => string): Promise<void> {
    let serial = 0
    const put = (rest: Pick<Response, 'code' | 'eof' | 'payload' | 'error'>): Promise<void> =>
      this.#responses.put({ in_response_to: id, serial: ++serial, ...rest })
    try {
      const call = begin()
      this.#underWay.set(id, call)
      for await (const payload of call) await put({ code: 0, eof: false, payload })
      this.#underWay.delete(id)
      await put({ code: 0, eof: true, payload: undefined })
    } catch (thrown) {
      this.#underWay.delete(id)
      const error = WaybillError.from(thrown)
      await put({ code: 1, eof: true, payload: reason(error), error })
    }
  }
}
