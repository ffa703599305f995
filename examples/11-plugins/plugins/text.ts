/** What may be asked about a text: each action takes it in the form that suits it. */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { action, definePlugin } from '@waybill/plugins'

export const plugin = definePlugin({
  name: 'text',
  version: '1.0.0',
  actions: {
    // All of it at once, and one response.
    shout: action({ input: 'bytes', maxInputBytes: 1000 }, (bytes) => decode(bytes).toUpperCase()),

    // Piece by piece, however much it is.
    size: action({ input: 'buffer' }, async (pieces) => {
      let bytes = 0
      for await (const piece of pieces) bytes += piece.byteLength
      return { bytes }
    }),

    // A file, for whatever can only read files; as many responses as are asked for.
    lines: action({ input: 'file' }, async function* (path) {
      for await (const line of createInterface({ input: createReadStream(path) })) {
        if (line === 'stop') throw new Error('a line says stop')
        yield line
      }
    }),
  },
})

/** Exported, and no action: nobody may ask for it. */
export function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}
