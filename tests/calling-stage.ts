/** A router whose services are called by fetch over a real socket, and clients beside it in memory. */
import { connect, type Client, type ConnectOptions } from '@waybill/client'
import { createRouter, type RouterHandle, type RouterOptions } from '@waybill/server'

export class CallingStage implements AsyncDisposable {
  readonly router: RouterHandle
  readonly url: string
  readonly #clients: Client[] = []

  constructor(router: RouterHandle) {
    this.router = router
    this.url = router.url!.replace(/^ws/, 'http')
  }

  async client(name: string, options: ConnectOptions = {}): Promise<Client> {
    const { transport } = this.router
    const client = await connect('memory:', { name, transport, onIncident: () => {}, ...options })
    this.#clients.push(client)
    return client
  }

  /** `POST /call/PATH` with this JSON, or these very texts or bytes. */
  call(path: string, args?: unknown, headers: Readonly<Record<string, string>> = {}, more: RequestInit = {}): Promise<Response> {
    const isRaw = typeof args === 'string' || args instanceof Uint8Array
    const body = args === undefined ? {} : { body: isRaw ? (args as Uint8Array<ArrayBuffer>) : JSON.stringify(args) }
    const type = args === undefined ? {} : { 'content-type': 'application/json' }
    return fetch(`${this.url}/call/${path}`, { method: 'POST', headers: { ...type, ...headers }, ...body, ...more })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close({ drainMs: 0 })))
    const { pendingCalls, storedCalls } = this.router.load
    await this.router.close()
    if (pendingCalls + storedCalls > 0) throw new Error(`left behind: ${pendingCalls} calls, ${storedCalls} stored ones`)
  }
}

/** `await using s = await callingStage()` */
export async function callingStage(options: RouterOptions = {}): Promise<CallingStage> {
  return new CallingStage(await createRouter({ name: 'router', onIncident: () => {}, ...options, listen: { port: 0 } }))
}

/** Status and body, parsed. */
export async function told(answer: Response | Promise<Response>): Promise<[status: number, body: unknown]> {
  const response = await answer
  const text = await response.text()
  return [response.status, text === '' ? undefined : JSON.parse(text)]
}
