/** Runs code of the user where ours must go on whatever it does: what it throws is thrown on its own, as it would be from a timer. */
export function aside(run: () => void): void {
  try {
    run()
  } catch (thrown) {
    queueMicrotask(() => {
      throw thrown
    })
  }
}
