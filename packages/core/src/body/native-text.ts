/** UTF-8 by the native methods of Node's Buffer, which work on any Uint8Array; undefined where there is no Buffer. */

import type { NativeText } from './text.js'

interface NativeBuffer {
  readonly prototype: {
    utf8Write(this: Uint8Array, text: string, offset: number, length: number): number
    utf8Slice(this: Uint8Array, start: number, end: number): string
  }
  byteLength(text: string): number
}

const { Buffer } = globalThis as { readonly Buffer?: NativeBuffer }

export const nativeText: NativeText | undefined = typeof Buffer?.prototype.utf8Write === 'function' ? nativeOf(Buffer) : undefined

function nativeOf({ prototype: { utf8Write, utf8Slice }, byteLength }: NativeBuffer): NativeText {
  return {
    write: (target, text, offset, length) => utf8Write.call(target, text, offset, length),
    slice: (bytes, start, end) => utf8Slice.call(bytes, start, end),
    byteLength,
  }
}
