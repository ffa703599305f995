/** Owns how the command asks a service what it is, and the shape of the answer. */
import { WaybillError, type Client, type RemoteOptions } from '@waybill/client'

/** What a service says of itself. A type is a word, such as `string` or `schema:zod`, or a JSON Schema. */
export interface Description {
  readonly name: string
  readonly version: string
  readonly labels: Readonly<Record<string, string>>
  /** Whose object answers: `shared`, `call`, `session` or `key`. */
  readonly instance: string
  readonly concurrency?: number
  readonly methods: readonly MethodDescription[]
}

export interface MethodDescription {
  readonly name: string
  readonly idempotent: boolean
  readonly timeoutMs?: number
  readonly concurrency?: number
  readonly parameters?: readonly unknown[]
  readonly returns?: unknown
  readonly errors?: readonly string[]
}

/** What the client must be able to do for it. */
export interface Describing {
  describe(address: string, options?: RemoteOptions): Promise<Description>
}

/** Rejects as a call does. */
export async function descriptionOf(client: Client, address: string, options: RemoteOptions = {}): Promise<Description> {
  const asking = client as Client & Partial<Describing>
  if (asking.describe === undefined) throw new WaybillError('Unsupported', 'this version of the client cannot ask a service what it is')
  return asking.describe(address, options)
}
