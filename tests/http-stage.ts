/** A router over a real socket, and requests to it byte for byte: nothing is decoded, kept alive or tried again. */
import { createRouter, type RouterHandle, type RouterOptions } from '@waybill/server'
import { request, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http'

export interface Asked {
  readonly headers?: OutgoingHttpHeaders
  readonly body?: Uint8Array | string | readonly Uint8Array[]
  readonly token?: string
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly bytes: Buffer
}

export class HttpStage implements AsyncDisposable {
  readonly router: RouterHandle

  constructor(router: RouterHandle) {
    this.router = router
  }

  get url(): string {
    return `http://127.0.0.1:${this.router.port}`
  }

  /** `GET /path` and the like. A list of bytes goes chunked, without a length. */
  async ask(what: string, { headers = {}, body = [], token }: Asked = {}): Promise<Answer> {
    const [method, path] = what.split(' ') as [string, string]
    const bearer = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const pieces = typeof body === 'string' ? [Buffer.from(body)] : body instanceof Uint8Array ? [body] : body
    const length = Array.isArray(body) && body.length > 0 ? {} : { 'content-length': pieces[0]?.byteLength ?? 0 }
    return await new Promise((resolve, reject) => {
      const options = {
        host: '127.0.0.1',
        port: this.router.port,
        method,
        path,
        agent: false,
        headers: { ...length, ...bearer, ...headers },
      }
      const sent = request(options, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, bytes: Buffer.concat(chunks) }))
      })
      sent.on('error', reject)
      for (const piece of pieces) sent.write(piece)
      sent.end()
    })
  }

  /** Status, and the body as JSON. */
  async told(what: string, asked?: Asked): Promise<[status: number, body: unknown]> {
    const { status, bytes } = await this.ask(what, asked)
    return [status, bytes.byteLength === 0 ? undefined : JSON.parse(bytes.toString())]
  }

  async register(name: string, more: object = {}, token?: string): Promise<void> {
    const [status, body] = await this.told('POST /register', { body: JSON.stringify({ name, ...more }), ...(token && { token }) })
    if (status !== 200) throw new Error(JSON.stringify(body))
  }

  /** The serial number of the parcel. */
  async dispatch(to: string, asked: Asked = { body: 'WUFF' }): Promise<string> {
    const { status, headers, bytes } = await this.ask(`POST /dispatch/${to}`, asked)
    if (status !== 200) throw new Error(bytes.toString())
    return headers['waybill-receipt'] as string
  }

  /** What is there, which has to be something. */
  async poll(name: string, token?: string): Promise<Answer & { readonly postback: string; readonly received: string }> {
    const answer = await this.ask(`GET /receive?name=${name}&wait=10`, token === undefined ? {} : { token })
    if (answer.status !== 200) throw new Error(`${answer.status} ${answer.bytes.toString()}`)
    const path = (header: string): string => String(answer.headers[header] ?? '').replace(this.url, '')
    return { ...answer, postback: path('waybill-postback'), received: path('waybill-received') }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.router.close()
  }
}

/** `await using s = await httpStage()` */
export async function httpStage({ listen, ...options }: RouterOptions = {}): Promise<HttpStage> {
  return new HttpStage(await createRouter({ name: 'router', onIncident: () => {}, ...options, listen: { port: 0, ...(listen as object) } }))
}
