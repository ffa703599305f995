/** What stands around the JSON door, and what its two halves, asking and serving, know of it: whom they speak to on either side. */
import { encodings, type FrameHead, type Link, type LinkEvents, type Ports, type WaybillError } from '@waybill/core'
import type { Signer } from './signing.js'

/** The connection that carries the text. */
export interface TextEnd extends Omit<Link, 'send'> {
  send(text: string): void
  /** A sign of life that the transport answers by itself; reported to `alive`. */
  ping(): void
}

export interface JsonDoorParts {
  readonly to: TextEnd
  /** The router's end of the link that this door is a client on. */
  readonly router: LinkEvents
  readonly ports: Ports
  readonly signer?: Signer | undefined
  /** Whom signed messages must be meant for. */
  readonly audience: string
  /** Takes note of a fault of our own; gives what the client may read of an error. */
  readonly disclosed: (error: WaybillError) => WaybillError
}

/** `[name, JSON text]`, in the order in which they stand in a message. */
export type Said = readonly (readonly [string, string])[]

export interface JsonWire {
  /** Who the client is to the router, once it is connected; `paces`: it says of every stream what it has taken. */
  readonly self: {
    readonly name: string
    readonly id: string
    readonly symbol: number
    readonly incarnation: string
    readonly paces: boolean
  }
  readonly limits: { readonly maxFrameBytes: number; readonly maxBodyBytes: number }
  /** To the client: one message. */
  say(members: Said): void
  /** Calls back once, when the client has taken what was said so far. */
  whenTaken(tell: () => void): void
  /** To the router: one frame of the next packet. Throws `TooLarge` where no frame may be as long. */
  frame(head: FrameHead, fields: readonly Uint8Array[], encoding?: number, body?: Uint8Array): void
}

const encoder = new TextEncoder()

export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text)
}

export function quote(text: string): string {
  return JSON.stringify(text)
}

/** The encoding of a body that is there or not. */
export function encodingOf(body: Uint8Array | undefined): number {
  return body === undefined ? encodings.none : encodings.json
}
