/** A plugin needs no types and imports nothing. */
export const plugin = {
  name: 'clock',
  actions: {
    tick: {
      input: 'bytes',
      async *run(bytes, { signal }) {
        for (let n = 1; n <= Number(new TextDecoder().decode(bytes)) && !signal.aborted; n++) {
          yield `tick ${n}`
          await new Promise((resolve) => setTimeout(resolve, 50))
        }
      },
    },
  },
}
