/** The same over real sockets and real time: a router on a free port, clients, and at the end a check that no handle is left open. */
import { connect, type Client, type ConnectOptions } from '@waybill/client'
import { createRouter, type RouterHandle, type RouterOptions } from '@waybill/server'

/** How long handles may take to close after everything was told to end. */
const SETTLE_MS = 2000
const LOOK_MS = 10

export class RealHarness implements AsyncDisposable {
  readonly router: RouterHandle
  readonly url: string
  readonly #clients: Client[] = []
  readonly #before: ReadonlyMap<string, number>

  constructor(router: RouterHandle, before: ReadonlyMap<string, number>) {
    this.router = router
    this.url = router.url!
    this.#before = before
  }

  /** `url` goes another way, such as through a proxy. */
  async client(name?: string, options: Omit<ConnectOptions, 'name'> & { readonly url?: string } = {}): Promise<Client> {
    const { url = this.url, ...rest } = options
    const client = await connect(url, { ...rest, ...(name !== undefined && { name }) })
    this.#clients.push(client)
    return client
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const left: string[] = []
    for (const { name, pending } of this.#clients) {
      const { outgoing, incoming } = pending
      if (outgoing + incoming > 0) left.push(`${name} has ${outgoing} calls out and ${incoming} running`)
    }
    await Promise.all(this.#clients.map((client) => client.close({ drainMs: 0 })))
    await settles(() => Object.values(this.router.load).every((count) => count === 0))
    for (const [what, count] of Object.entries(this.router.load)) if (count > 0) left.push(`the router has ${count} ${what}`)
    await this.router.close()
    const more = (): string[] =>
      [...openHandles()].filter(([kind, count]) => count > (this.#before.get(kind) ?? 0)).map(([kind, count]) => `${count} ${kind}`)
    await settles(() => more().length === 0)
    left.push(...more())
    if (left.length > 0) throw new Error(`left behind: ${left.join('; ')}`)
  }
}

/** `await using h = await realHarness()` */
export async function realHarness(options: Omit<RouterOptions, 'listen'> = {}): Promise<RealHarness> {
  const before = openHandles()
  return new RealHarness(await createRouter({ name: 'router', ...options, listen: { port: 0 } }), before)
}

/** Sockets and servers by kind; a test runner's own timers come and go, so timers are not counted. */
function openHandles(): Map<string, number> {
  const counts = new Map<string, number>()
  for (const kind of process.getActiveResourcesInfo()) {
    if (/^(TCP|Pipe|UDP|TLS|ConnectWrap|FSEvent)/.test(kind)) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  return counts
}

async function settles(isSettled: () => boolean): Promise<void> {
  for (let waitedMs = 0; waitedMs < SETTLE_MS && !isSettled(); waitedMs += LOOK_MS) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
}
