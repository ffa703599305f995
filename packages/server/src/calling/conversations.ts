/** The conversations of those who call over HTTP: one for each token, opened when somebody first calls with it. Owns which there are. */
import { digestOf } from '../access.js'
import { Conversation, type ConversationParts } from './conversation.js'

export class Conversations {
  readonly #parts: ConversationParts
  readonly #open = new Map<string, Promise<Conversation>>()

  constructor(parts: ConversationParts) {
    this.#parts = parts
  }

  /** Rejects with why the router does not let this one in. One whose token is taken back ends, as every session does. */
  async of(token: string | undefined): Promise<Conversation> {
    const key = token === undefined ? '' : digestOf(token).toString('base64')
    let opening = this.#open.get(key)
    if (opening === undefined) {
      let isOver = false
      opening = Conversation.open(this.#parts, token, () => {
        isOver = true
        this.#open.delete(key)
      })
      if (!isOver) this.#open.set(key, opening)
    }
    return await opening
  }
}
