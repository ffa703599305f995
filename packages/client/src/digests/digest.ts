/**
 * The extension field with the SHA-256 of arguments in this encoding, and of what stands beside them in `fields`: at once where the surroundings can, else
 * later, in the order in which it was asked for.
 */
export type Digest = (encoding: number, body: Uint8Array, fields: readonly Uint8Array[]) => Uint8Array | Promise<Uint8Array>
