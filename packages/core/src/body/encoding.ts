/**
 * The numbers that say how a body is encoded. They stand in the frame header beside the body and never inside it. PROTOCOL.md repeats
 * this table.
 */

/** u8 of the frame header. The low seven bits are one of these; `segmentedBit` may be added to `json` and `rich`. */
export const encodings = {
  /** No value: `undefined`. Zero bytes. */
  none: 0,
  /** UTF-8 JSON text of one value. */
  json: 1,
  /** UTF-8 JSON text of one superjson document `{ "json": …, "meta": … }`, see `rich.ts`. */
  rich: 2,
  /** Raw bytes, handed through unharmed. Decodes to a Uint8Array. */
  bytes: 3,
  /** Raw bytes with a head that says what they are, see `parcel.ts`. Decodes to a `Parcel`. */
  parcel: 4,
} as const

/** Set where long strings and byte arrays travel beside the JSON text, see `segments.ts`. */
export const segmentedBit = 0x80
