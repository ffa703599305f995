/** A JSON client over bare `ws`, as anybody could write one: sends what it is given, and hands out what arrives, in order, each message once. */
import { WebSocket, type ClientOptions } from 'ws'

export type Json = Record<string, unknown>

export class JsonPeer {
  readonly socket: WebSocket
  /** Everything that arrived, as text. */
  readonly texts: string[] = []
  readonly closed: Promise<{ code: number; reason: string }>
  readonly #inbox: Json[] = []
  readonly #waiting: { readonly matches: (said: Json) => unknown; readonly resolve: (said: Json) => void }[] = []

  private constructor(socket: WebSocket) {
    this.socket = socket
    this.closed = new Promise((resolve) => socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() })))
    socket.on('message', (data, isBinary) => {
      if (isBinary) throw new Error('a packet came to a JSON client')
      const text = (data as Buffer).toString()
      this.texts.push(text)
      this.#arrived(JSON.parse(text) as Json)
    })
    socket.on('error', () => {})
  }

  /** Opens a connection and says nothing. */
  static dial(url: string, options: ClientOptions = {}): Promise<JsonPeer> {
    const socket = new WebSocket(url, options)
    const peer = new JsonPeer(socket)
    return new Promise((resolve) => socket.on('open', () => resolve(peer)))
  }

  /** Says hello and waits for the answer. */
  static async open(url: string, name?: string, more: Json = {}): Promise<JsonPeer & { welcome: Json }> {
    const peer = await JsonPeer.dial(url)
    peer.say({ hello: { magic: 24111602, version: 1, ...(name && { name }), ...more } })
    const { welcome, refused } = (await peer.next((said) => 'welcome' in said || 'refused' in said)) as {
      welcome?: Json
      refused?: { message: string; code: string }
    }
    if (refused) throw Object.assign(new Error(refused.message), { code: refused.code })
    return Object.assign(peer, { welcome: welcome as Json })
  }

  /** A message; text goes as it is. */
  say(message: Json | string): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message))
  }

  next(matches: (said: Json) => unknown = () => true): Promise<Json> {
    const at = this.#inbox.findIndex(matches)
    if (at >= 0) return Promise.resolve(this.#inbox.splice(at, 1)[0]!)
    return new Promise((resolve) => this.#waiting.push({ matches, resolve }))
  }

  /** What arrived and nobody asked for. */
  get rest(): readonly Json[] {
    return this.#inbox
  }

  /** Waits until the router has handled all that was said before. */
  async settled(): Promise<void> {
    this.say({ heartbeat: 'ping' })
    await this.next(({ heartbeat }) => heartbeat === 'pong')
  }

  async ended(sn: string): Promise<Json> {
    return await this.next((said) => said['sn'] === sn && (said['result'] !== undefined || said['status'] === 'rejected'))
  }

  async close(): Promise<void> {
    this.say({ goodbye: {} })
    await this.closed
  }

  #arrived(said: Json): void {
    const at = this.#waiting.findIndex(({ matches }) => matches(said))
    if (at < 0) this.#inbox.push(said)
    else this.#waiting.splice(at, 1)[0]!.resolve(said)
  }
}
