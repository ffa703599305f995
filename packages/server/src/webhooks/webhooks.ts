/**
 * Posts to addresses that clients registered: what may be posted to, who has shown that an address is his, what is posted and how it is signed. Knows
 * neither parcels nor who is registered.
 */
import { validateHeaderValue } from 'node:http'
import { quoted, WaybillError, type Ports } from '@waybill/core'
import { checkedPlace, connected, dialPinned, resolveBySystem, type Dial, type Resolve } from './connecting.js'
import { Exchange, type Answer } from './exchange.js'
import { failed, reasonOf } from './failures.js'
import { limitsOf, signingKeyOf, type WebhookLimits, type WebhookOptions } from './options.js'
import { Origins, type Target } from './origins.js'
import { registrationKey, sha256Of, signatureOf, type Registered } from './signature.js'
import { Stages } from './stages.js'

export interface WebhookRequest {
  /** Any but those of the connection and of the signature, which are written here. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array | AsyncIterable<Uint8Array>
  /** How long the body is in all. */
  readonly bytes: number
  /** Of the body, hexadecimal, where it is known although the body is not at hand. */
  readonly sha256?: string
  /** Signs it. Absent: it goes unsigned. */
  readonly key?: string
}

export interface WebhookParts {
  readonly ports: Pick<Ports, 'clock' | 'random'>
  /** For tests: other names than the system's, other connections. */
  readonly resolve?: Resolve
  readonly dial?: Dial
}

/** What a request says beside what it was given. */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  ...[
    'accept',
    'accept-encoding',
    'connection',
    'content-length',
    'cookie',
    'expect',
    'host',
    'keep-alive',
    'proxy-authorization',
    'te',
    'trailer',
  ],
  ...['transfer-encoding', 'upgrade', 'user-agent', 'waybill-challenge', 'waybill-signature'],
])
const TOKEN_BYTES = 32
const OK = 200
const REDIRECTION = 300

export class Webhooks {
  readonly #origins: Origins
  readonly #limits: WebhookLimits
  readonly #signingKey: Uint8Array | undefined
  readonly #ca: string | undefined
  readonly #parts: Required<WebhookParts>
  #underWay = 0

  /** Without options every address is refused. Throws `BadArguments` for options that make no sense. */
  constructor(options: WebhookOptions | undefined, { ports, resolve = resolveBySystem, dial = dialPinned }: WebhookParts) {
    this.#origins = new Origins(options)
    this.#limits = limitsOf(options)
    this.#signingKey = signingKeyOf(options)
    this.#ca = options?.ca
    this.#parts = { ports, resolve, dial }
  }

  /** Posts that have not ended. */
  get underWay(): number {
    return this.#underWay
  }

  /** The key of a registration, made of the operator's signing key or else of a secret of the store: the same at every start. */
  keyOf(registered: Registered, storeSecret: Uint8Array): string {
    return registrationKey(this.#signingKey ?? storeSecret, registered)
  }

  /** Throws the failure where the operator does not let it be registered. Looks at no network. */
  check(address: string): void {
    this.#origins.check(address)
  }

  /**
   * Resolves where the address may be registered: it is on the list, leads where it may, and who has it has answered a challenge where one is needed. None is
   * for an origin that the operator listed by itself, who then answers for who is there, nor for this machine; it is where a pattern lets in whoever has a
   * name under it.
   */
  async admit(address: string, signal: AbortSignal): Promise<void> {
    const target = this.#origins.check(address)
    if (target.needsProof) await this.challenge(address, signal)
    else await this.#staged(target, signal, async (stages) => void (await checkedPlace(target, this.#parts.resolve, stages)))
  }

  /** Resolves where the address answers with the random text that it is posted. It must be all of the body, as there are pages that repeat whatever they are
   * asked; and it is unsigned, as there is no key yet. */
  async challenge(address: string, signal: AbortSignal): Promise<void> {
    const target = this.#origins.check(address)
    const token = Buffer.from(this.#parts.ports.random.fill(new Uint8Array(TOKEN_BYTES))).toString('base64url')
    const { origin } = target.url
    let answer: Answer
    try {
      answer = await this.#post(target, { headers: { 'waybill-challenge': token }, body: new Uint8Array(), bytes: 0 }, signal)
    } catch (thrown) {
      // Whatever the receiver made of it, no registration has come of it.
      if (!(thrown instanceof WaybillError) || thrown.executed === 'no' || reasonOf(thrown) === 'cancelled') throw thrown
      throw failed('unproven', 'checking', `${origin} did not answer the challenge (${reasonOf(thrown)})`, { origin, cause: thrown })
    }
    const { status, headers, body } = answer
    const isRight = headers['waybill-challenge'] === token || new TextDecoder().decode(body).trim() === token
    if (status >= OK && status < REDIRECTION && isRight) return
    throw failed('unproven', 'checking', `${origin} answered the challenge with status ${status} and without its value`, { origin, status })
  }

  /** Posts once. Every answer but a redirection is one, of whatever status. Rejects with the failure: its `executed` is `no` where nothing was sent, and its
   * `details` are `FailureDetails`. */
  async post(address: string, request: WebhookRequest, signal: AbortSignal): Promise<Answer> {
    const target = this.#origins.check(address)
    return this.#post(target, { ...request, headers: checkedHeaders(request.headers) }, signal)
  }

  #post(target: Target, request: WebhookRequest, signal: AbortSignal): Promise<Answer> {
    return this.#staged(target, signal, async (stages) => {
      const { resolve, dial } = this.#parts
      const place = await checkedPlace(target, resolve, stages)
      const socket = await connected(target, place, { dial, ca: this.#ca, stages })
      return new Exchange(target.url, socket, { ...request, headers: this.#headersOf(target, request) }, stages).answer()
    })
  }

  #headersOf({ address }: Target, { headers, body, bytes, sha256, key }: WebhookRequest): Record<string, string> {
    const fixed = { 'content-length': String(bytes), accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'Waybill' }
    if (key === undefined) return { ...headers, ...fixed }
    const digest = body instanceof Uint8Array ? sha256Of(body) : sha256
    const atMs = this.#parts.ports.clock.wallMs()
    return { ...headers, ...fixed, 'waybill-signature': signatureOf(key, { address, headers, bytes, sha256: digest, atMs }) }
  }

  async #staged<Result>({ url: { origin } }: Target, signal: AbortSignal, run: (stages: Stages) => Promise<Result>): Promise<Result> {
    const { maxPosts } = this.#limits
    if (this.#underWay >= maxPosts) throw failed('busy', 'checking', `${maxPosts} posts are under way, as many as there may be`, { origin })
    this.#underWay += 1
    const stages = new Stages(this.#parts.ports.clock, this.#limits, origin, signal)
    stages.await('connection')
    try {
      return await run(stages)
    } finally {
      stages.done()
      this.#underWay -= 1
    }
  }
}

/** Names in lower case. Throws `BadArguments` where a name or a value is none. */
function checkedHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  const given = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const)
  for (const [name, value] of given) {
    if (OWN_HEADERS.has(name) || !/^[\w-]{1,64}$/.test(name))
      throw new WaybillError('BadArguments', `a post may not have a header ${quoted(name)}`)
    try {
      validateHeaderValue(name, value)
    } catch (cause) {
      throw new WaybillError('BadArguments', `the header ${name} holds what no header may hold`, { cause })
    }
  }
  return Object.fromEntries(given)
}
