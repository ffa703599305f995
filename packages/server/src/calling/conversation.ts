/**
 * A conversation with the router in the words of the JSON door, without a socket: its texts go from hand to hand in this process. So who calls over HTTP
 * is a JSON client to the router, and the rights, limits and errors of that door hold here too. Owns who waits for which word, and when a conversation
 * that nobody uses ends. Knows no HTTP.
 */
import { isCode, MAGIC, WaybillError, type Link, type LinkEvents, type Timer } from '@waybill/core'
import type { Entrance } from '../entrance.js'
import { JsonDoor } from '../gateways/json-door.js'
import { countOf, objectOf, textOf, valueOf, type Members } from '../gateways/json-messages.js'
import { membersOf } from '../gateways/json-slices.js'
import { bytesOf, type TextEnd } from '../gateways/json-wire.js'
import type { JsonDoorOptions } from '../gateways/websocket.js'

/** After so long without a call it ends. */
const IDLE_MS = 60_000

/** Who waits for what is said of one call. */
export interface Hearing {
  /** True where nothing follows. */
  heard(message: Members): boolean
  /** Nothing follows, as the conversation has ended. */
  lost(error: WaybillError): void
}

export interface ConversationParts {
  readonly entrance: Entrance
  readonly json: JsonDoorOptions
}

export class Conversation {
  readonly #parts: ConversationParts
  readonly #door: JsonDoor
  readonly #ended: (why: WaybillError) => void
  readonly #opened: (conversation: Conversation) => void
  readonly #hearings = new Map<string, Hearing>()
  readonly #watches = new Map<string, Set<Hearing>>()
  /** Whose message the door has in its hands: it mints its sn, or refuses it, before it gives that back. */
  #asking: Hearing | undefined
  #minted: string | undefined
  #welcome!: Members
  #isPaused = false
  #isOver = false
  #refusal: WaybillError | undefined
  #usedMs: number
  #timer: Timer | undefined
  #name = ''
  #maxMessageBytes = 0

  private constructor(
    parts: ConversationParts,
    token: string | undefined,
    opened: (conversation: Conversation) => void,
    ended: (why: WaybillError) => void,
  ) {
    this.#parts = parts
    this.#opened = opened
    this.#ended = ended
    this.#usedMs = parts.json.ports.clock.nowMs()
    const { soon } = parts.json.ports
    const to: TextEnd = {
      bufferedBytes: 0,
      send: (text) => this.#heard(bytesOf(text)),
      // Who shares a process with the router is alive as long as it is.
      ping: () => soon.onTick(() => this.#door.alive()),
      pause: () => void (this.#isPaused = true),
      resume: () => void (this.#isPaused = false),
      end: (code, reason) => this.#over(reason, code),
      terminate: () => this.#over('terminated'),
    }
    const link: Link = {
      bufferedBytes: 0,
      send: (packet) => this.#door.packet(packet),
      pause: () => this.#door.pause(),
      resume: () => this.#door.resume(),
      end: to.end.bind(to),
      terminate: to.terminate.bind(to),
    }
    // The router may refuse a link before it has returned from being given it.
    this.#door = new JsonDoor({
      ...parts.json,
      to,
      router: { packet: (packet) => router.packet(packet), ended: (end) => router.ended(end) },
    })
    const router: LinkEvents = parts.entrance.admit(link)
    const credentials = token === undefined ? {} : { credentials: { token } }
    this.#door.text(bytesOf(JSON.stringify({ hello: { magic: MAGIC, version: 1, labels: { door: 'http' }, paces: true, ...credentials } })))
  }

  /** Rejects with why the router refused it. `ended` is called once, when it can be used no more, also where it never could. */
  static open(parts: ConversationParts, token: string | undefined, ended: () => void): Promise<Conversation> {
    return new Promise((resolve, reject) => {
      void new Conversation(parts, token, resolve, (why) => {
        ended()
        reject(why)
      })
    })
  }

  /** Under which statuses and outcomes come back. */
  get name(): string {
    return this.#name
  }

  get maxMessageBytes(): number {
    return this.#maxMessageBytes
  }

  /** What the router calls itself. */
  get routerName(): string {
    return textOf(objectOf(this.#welcome, 'router'), 'name') ?? ''
  }

  /**
   * Makes a call: a whole message without an sn. Returns its sn; undefined where it was refused at once, which `hearing` has heard then. Throws where it
   * cannot be made.
   */
  ask(message: Uint8Array, hearing: Hearing): string | undefined {
    if (this.#isOver) throw lost('no')
    if (this.#isPaused) throw new WaybillError('Overloaded', 'the router takes no calls of yours at the moment; try again soon')
    this.#asking = hearing
    this.#minted = undefined
    this.#usedMs = this.#parts.json.ports.clock.nowMs()
    this.#door.text(message)
    this.#asking = undefined
    return this.#minted
  }

  /** About a call whose last word was not heard yet; of any other, nothing. */
  say(sn: string, kind: 'cancel' | 'credit', content: Readonly<Record<string, unknown>>): void {
    if (this.#hearings.has(sn)) this.#say({ sn, [kind]: content })
  }

  /** Hears what becomes of a stored call. */
  watch(sn: string, hearing: Hearing): void {
    if (this.#isOver) return hearing.lost(lost('maybe'))
    const others = this.#watches.get(sn)
    if (others !== undefined) return void others.add(hearing)
    const all = new Set([hearing])
    this.#watches.set(sn, all)
    this.#hearings.set(sn, {
      heard: (message) => {
        const isLast = [...all].map((one) => one.heard(message)).some(Boolean)
        if (isLast) this.#watches.delete(sn)
        return isLast
      },
      lost: (error) => all.forEach((one) => one.lost(error)),
    })
    this.#say({ sn, watch: {} })
  }

  unwatch(sn: string, hearing: Hearing): void {
    const all = this.#watches.get(sn)
    if (all?.delete(hearing) !== true || all.size > 0) return
    this.say(sn, 'cancel', {})
    this.#watches.delete(sn)
    this.#hearings.delete(sn)
  }

  #say(message: Readonly<Record<string, unknown>>): void {
    this.#door.text(bytesOf(JSON.stringify(message)))
  }

  #heard(text: Uint8Array): void {
    const message = membersOf(text)!
    const sn = textOf(message, 'sn')
    const hearing = sn === undefined ? undefined : this.#hearings.get(sn)
    if (hearing !== undefined) {
      if (hearing.heard(message)) this.#hearings.delete(sn!)
    } else if (message.has('minted')) {
      this.#minted = textOf(message, 'minted')!
      this.#hearings.set(this.#minted, this.#asking!)
    } else if (message.has('status')) this.#asking?.heard(message)
    else if (message.has('welcome')) this.#welcomed(objectOf(message, 'welcome'))
    else if (message.has('refused')) this.#refusal = refusalOf(objectOf(message, 'refused'))
  }

  #welcomed(welcome: Members): void {
    this.#welcome = welcome
    this.#name = textOf(welcome, 'name')!
    this.#maxMessageBytes = countOf(objectOf(welcome, 'limits'), 'maxFrameBytes')!
    this.#rest(IDLE_MS)
    this.#opened(this)
  }

  #rest(ms: number): void {
    const { clock } = this.#parts.json.ports
    this.#timer = clock.timer(ms, () => {
      const restMs = this.#usedMs + IDLE_MS - clock.nowMs()
      if (this.#hearings.size > 0) this.#rest(IDLE_MS)
      else if (restMs > 0) this.#rest(restMs)
      else this.#say({ goodbye: {} })
    })
  }

  #over(reason: string, code?: number): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#timer?.cancel()
    this.#ended(this.#refusal ?? lost('no', reason))
    const hearings = [...this.#hearings.values()]
    this.#hearings.clear()
    this.#watches.clear()
    for (const hearing of hearings) hearing.lost(lost('maybe', reason))
    // Neither the door nor the router is done yet with what brought the end.
    this.#parts.json.ports.soon.onTick(() => this.#door.closed({ reason, ...(code !== undefined && { code }) }))
  }
}

function lost(executed: 'no' | 'maybe', reason = 'over'): WaybillError {
  return new WaybillError('RouterLost', `the conversation with the router has ended: ${reason}`, { executed })
}

function refusalOf(refused: Members): WaybillError {
  const code = valueOf(refused, 'code')
  return new WaybillError(isCode(code) ? code : 'RouterLost', textOf(refused, 'message') ?? '', { executed: 'no' })
}
