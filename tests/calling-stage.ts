/** A router whose services are called by fetch over a real socket, and clients beside it in memory. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect, type Client, type ConnectOptions } from '@waybill/client'
import { composeRouter, type Router, type RouterOptions } from '@waybill/server'
import { getRequestListener } from '@hono/node-server'
import { callRoutes } from '../packages/server/src/calling/routes.js'
import { memoryTransport } from '../packages/server/src/gateways/memory.js'
import type { JsonDoorOptions } from '../packages/server/src/gateways/websocket.js'

export class CallingStage implements AsyncDisposable {
  readonly router: Router
  readonly #server: Server
  readonly #clients: Client[] = []
  readonly #connect: (name: string, options: ConnectOptions) => Promise<Client>

  constructor(options: RouterOptions, json: Partial<JsonDoorOptions>) {
    const { router, ports } = composeRouter({ name: 'router', ...options })
    this.router = router
    const transport = memoryTransport(router, ports.soon)
    this.#connect = (name, more) => connect('memory:', { name, transport, ...more })
    const app = callRoutes({ entrance: router, json: { ports, audience: 'router', disclosed: (error) => error, ...json } })
    const listener = getRequestListener(app.fetch)
    this.#server = createServer((request, response) => void listener(request, response))
  }

  async listening(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return this
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async client(name: string, options: ConnectOptions = {}): Promise<Client> {
    const client = await this.#connect(name, { onIncident: () => {}, ...options })
    this.#clients.push(client)
    return client
  }

  /** `POST /call/PATH` with this JSON, or these very texts or bytes. */
  call(path: string, args?: unknown, headers: Readonly<Record<string, string>> = {}, more: RequestInit = {}): Promise<Response> {
    const body =
      args === undefined
        ? {}
        : { body: typeof args === 'string' || args instanceof Uint8Array ? (args as Uint8Array<ArrayBuffer>) : JSON.stringify(args) }
    const type = args === undefined ? {} : { 'content-type': 'application/json' }
    return fetch(`${this.url}/call/${path}`, { method: 'POST', headers: { ...type, ...headers }, ...body, ...more })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close({ drainMs: 0 })))
    const { pendingCalls, storedCalls } = this.router.load
    this.router.close()
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
    if (pendingCalls + storedCalls > 0) throw new Error(`left behind: ${pendingCalls} calls, ${storedCalls} stored ones`)
  }
}

/** `await using s = await callingStage()` */
export function callingStage(options: RouterOptions = {}, json: Partial<JsonDoorOptions> = {}): Promise<CallingStage> {
  return new CallingStage(options, json).listening()
}

/** Status and body, parsed. */
export async function told(answer: Response | Promise<Response>): Promise<[status: number, body: unknown]> {
  const response = await answer
  const text = await response.text()
  return [response.status, text === '' ? undefined : JSON.parse(text)]
}
