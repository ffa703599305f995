/**
 * Responses on their way to whoever asks for them, to one call or to any. Each call has at most one waiting here: its next one is only read when that is
 * taken, so who reads slowly slows plugins down instead of filling memory.
 */
import { WaybillError } from '@waybill/core'

export interface Response {
  /** The id of the call that it answers. */
  readonly in_response_to: string
  /** 1 for the first response to a call; the end has one of its own. */
  readonly serial: number
  /** Of the end: 1 where the work failed. */
  readonly code: 0 | 1
  /** The end: nothing follows. */
  readonly eof: boolean
  /** What the plugin gave; of a failed end why, as text; else undefined. */
  readonly payload: unknown
  /** Of a failed end: `executed` says whether it was begun. */
  readonly error?: WaybillError
}

/** The id of a call as text, from what is its number, or its text, or the text of its number. Throws `BadAddress`. */
export function idText(id: bigint | string): string {
  if (typeof id === 'string' && /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i.test(id)) return id.toLowerCase()
  const digits = typeof id === 'bigint' || /^\d{1,39}$/.test(id) ? BigInt(id).toString(16).padStart(32, '0') : ''
  if (digits.length !== 32) throw new WaybillError('BadAddress', 'the id of a call is what send() gave, or that as a number of 128 bits')
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

interface Ready {
  readonly response: Response
  readonly taken: () => void
}

interface Waiting {
  readonly id: string | undefined
  readonly resolve: (response: Response) => void
  readonly reject: (error: WaybillError) => void
}

export class Responses {
  readonly #ready: Ready[] = []
  readonly #waiting: Waiting[] = []
  /** Calls whose end nobody has taken. */
  readonly #open = new Set<string>()
  #closed: WaybillError | undefined

  begin(id: string): void {
    this.#open.add(id)
  }

  /** Resolves when it is taken, or nobody takes any more. Who waits for this call goes before who waits for any. */
  async put(response: Response): Promise<void> {
    if (this.#closed !== undefined) return
    const first = (wanted: string | undefined): Waiting | undefined => this.#waiting.find(({ id }) => id === wanted)
    const waiting = first(response.in_response_to) ?? first(undefined)
    if (waiting === undefined) return new Promise((taken) => void this.#ready.push({ response, taken }))
    this.#waiting.splice(this.#waiting.indexOf(waiting), 1)
    this.#leaves(response)
    waiting.resolve(response)
  }

  /** The next response, to this call or to any. Rejects with `NoSuchReceipt` where none can come, and with `Closed`. */
  take(id?: string): Promise<Response> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed)
    const at = this.#ready.findIndex(({ response }) => id === undefined || id === response.in_response_to)
    if (at >= 0) {
      const [ready] = this.#ready.splice(at, 1)
      this.#leaves(ready!.response)
      ready!.taken()
      return Promise.resolve(ready!.response)
    }
    if (id !== undefined && !this.#open.has(id)) return Promise.reject(over(id))
    return new Promise((resolve, reject) => void this.#waiting.push({ id, resolve, reject }))
  }

  close(): void {
    this.#closed = new WaybillError('Closed', 'the controller was closed', { executed: 'maybe' })
    for (const { reject } of this.#waiting.splice(0)) reject(this.#closed)
    for (const { taken } of this.#ready.splice(0)) taken()
  }

  #leaves({ in_response_to: id, eof }: Response): void {
    if (!eof) return
    this.#open.delete(id)
    for (const waiting of this.#waiting.filter((one) => one.id === id)) {
      this.#waiting.splice(this.#waiting.indexOf(waiting), 1)
      waiting.reject(over(id))
    }
  }
}

function over(id: string): WaybillError {
  return new WaybillError('NoSuchReceipt', `no response to the call ${id} is to come: it has ended, or was not sent here`)
}
