/**
 * Parcels for who has a connection: `dispatch` and `receive`, over what every client can do. Owns what content becomes on its way; knows nothing of how it is
 * stored, handed over and answered.
 */
import { currentCall, Parcel, service, WaybillError } from '@waybill/core'
import type { CallOptions, CurrentCall, Receipt } from '@waybill/core'
import type { Client } from './client.js'
import type { Exposed } from './offers.js'

/** A text is `text/plain`, bytes are `application/octet-stream`, and any other value is `application/json`, unless a `Parcel` says what it is. */
export type ParcelContent = Parcel | Uint8Array | string | number | boolean | object | null

export interface DispatchOptions extends Pick<CallOptions, 'ttl' | 'deadline' | 'key' | 'data' | 'orderKey'> {
  /** The client that is told what becomes of it, whoever has the receipt. */
  readonly replyto?: string
}

export interface ReceiveOptions {
  /** How many parcels it takes at once. Default 16. */
  readonly concurrency?: number
}

/** May answer with nothing, which is a result as well. What it throws is the exception. */
export type Take = (parcel: Parcel, about: CurrentCall) => ParcelContent | void | PromiseLike<ParcelContent | void>

interface Inbox {
  receive(parcel: Parcel): Promise<Parcel | undefined>
}

const INBOX = 'waybill.Inbox'
const CONCURRENCY = 16

/**
 * Sends a parcel to the client of this name, however that one is reached, and resolves when the router has stored it. Without a `ttl` it waits a day for who is not
 * there. The result is what the receiver answers with: a parcel, or undefined for nothing. Rejects as any stored call, with `BadArguments` for what is no content.
 */
export async function dispatch(
  client: Client,
  to: string,
  content: ParcelContent,
  { replyto, ...options }: DispatchOptions = {},
): Promise<Receipt<Parcel | undefined>> {
  const { receive } = client.remote<Inbox>(INBOX, { ...options, on: to })
  const parcel = parcelOf(content)
  return replyto === undefined ? receive.async(parcel) : receive.callback({ replyto }, parcel)
}

/**
 * Takes the parcels that are for this client, until what it resolves to is taken back. At least once: a parcel whose receiver dies before it has answered comes again,
 * with a greater `attempt`. One whose bytes are too many for a frame is refused: these are read over HTTP alone.
 */
export function receive(client: Client, take: Take, { concurrency = CONCURRENCY }: ReceiveOptions = {}): Promise<Exposed> {
  const inbox = service<Inbox>(`${INBOX}@1.0.0`, { receive: { idempotent: true } }, { concurrency })
  return client.expose(inbox, {
    async receive(...given: readonly unknown[]) {
      const answer = await take(taken(given), currentCall())
      return answer === undefined ? undefined : parcelOf(answer)
    },
  })
}

/** Arguments that are not one parcel are the list that they are. */
function taken(given: readonly unknown[]): Parcel {
  const [first] = given
  return given.length === 1 && first instanceof Parcel ? first : parcelOf(given)
}

function parcelOf(content: ParcelContent): Parcel {
  if (content instanceof Parcel) return content
  if (typeof content === 'string') return new Parcel(content)
  if (content instanceof Uint8Array) return new Parcel(content, { 'content-type': 'application/octet-stream' })
  const text = jsonOf(content)
  return new Parcel(text, { 'content-type': 'application/json' })
}

function jsonOf(content: ParcelContent): string {
  try {
    const text = JSON.stringify(content) as string | undefined
    if (text !== undefined) return text
  } catch (cause) {
    throw new WaybillError('BadArguments', 'the content of a parcel is no JSON', { executed: 'no', cause })
  }
  throw new WaybillError('BadArguments', 'the content of a parcel is nothing; an empty text is one', { executed: 'no' })
}
