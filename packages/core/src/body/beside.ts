/** What travels beside the JSON of a body, and bytes that are a body of their own. Knows no layout. */

export interface Segment {
  readonly kind: number
  /** Borrowed from the caller's value until it is written. */
  readonly content: string | Uint8Array
}

/** Whether the bytes may stay where they are (`given`) or must be copied, because the caller will use them again (`lent`). */
export type Ownership = 'lent' | 'given'

const byteShare = 1024

/** Strings that travel beside the JSON: long ones, unless they hold a lone surrogate, which only JSON's escapes can carry. */
export function travelsBeside(text: string): boolean {
  return text.length > byteShare && isWellFormed(text)
}

export function isBytes(value: object): boolean {
  return ArrayBuffer.isView(value) || value instanceof ArrayBuffer
}

/** A Uint8Array, never a Buffer. Small pieces of a large packet are copied even when given: a view would keep the whole packet alive. */
export function takeBytes(bytes: Uint8Array, start: number, end: number, ownership: Ownership): Uint8Array {
  const share = ownership === 'given' && (end - start) * 2 >= bytes.buffer.byteLength
  return share ? new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start) : new Uint8Array(bytes.subarray(start, end))
}

/** ES2024; Node 20 has it, older browsers do not. */
function isWellFormed(text: string): boolean {
  const modern = text as { isWellFormed?: () => boolean }
  return modern.isWellFormed === undefined ? !/\p{Surrogate}/u.test(text) : modern.isWellFormed()
}
