/**
 * The order keys of the calls that this client runs: one at a time each, until its method has ended, whatever became of its session and its
 * caller. Knows nothing of where else calls of a key may run.
 */

interface Ordered {
  readonly service: string
  readonly orderKey: string | undefined
}

export class Turns {
  readonly #taken = new Set<string>()

  isFree(call: Ordered): boolean {
    return call.orderKey === undefined || !this.#taken.has(keyOf(call))
  }

  take(call: Ordered): void {
    if (call.orderKey !== undefined) this.#taken.add(keyOf(call))
  }

  give(call: Ordered): void {
    if (call.orderKey !== undefined) this.#taken.delete(keyOf(call))
  }
}

function keyOf({ service, orderKey }: Ordered): string {
  return `${service} ${orderKey}`
}
