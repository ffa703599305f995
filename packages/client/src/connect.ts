/** `connect()`: options with their checks and defaults, for whatever surrounds the client. Must not know Node or a page. */
import {
  durationMs,
  isName,
  isSocketUrl,
  logLine,
  MAX_LABELS,
  quoted,
  WaybillError,
  type Duration,
  type Ports,
  type Tracing,
  type Transport,
} from '@waybill/core'
import { defaultBackoff, type Backoff } from './backoff.js'
import { Client } from './client.js'
import type { Incident } from './answers.js'
import type { Digest } from './digests/digest.js'
import type { Loadable } from './loadable.js'
import type { keepIn } from './outbox/kept.js'
import type { CallOutbox } from './outbox/outbox.js'

export interface ConnectOptions {
  /** The name that others reach this client by. A second process that takes it supersedes the first. Default: minted by the router. */
  readonly name?: string
  readonly token?: string
  readonly labels?: Readonly<Record<string, string>>
  /** How long to look for the router before `connect` rejects. Default 5 s. Later the client looks for as long as it lives. */
  readonly timeout?: Duration
  /** Told of each exception that leaves this process without its details; the caller sees the same `incident`. Default: to stderr. */
  readonly onIncident?: (incident: Incident) => void
  /**
   * Whether SIGTERM closes a client that has exposed something: it lets running calls end, for 25 s at the most, and then the process ends as it would
   * have, unless the program has a listener for SIGTERM itself. Default: true, but where `ports` are given.
   */
  readonly drainOnSigterm?: boolean
  /** Instead of the one that the URL's scheme asks for. */
  readonly transport?: Transport
  readonly backoff?: Partial<Backoff>
  /**
   * Where calls that are to be stored wait until the router has stored them, over the end of this process: `outbox()` of `@waybill/client/outbox`. The next client
   * of the same name, and the same principal, sends what was left. Default: they end with this process.
   */
  readonly outbox?: CallOutbox
  /** One trace through callers, router and callees: `otelTracing()` of `@waybill/client/otel`. Default: none. */
  readonly tracing?: Tracing
  /** For tests: a virtual clock, a seeded source of randomness. */
  readonly ports?: Ports
}

/** What a client is surrounded by: a process of Node, or a page. */
export interface Surroundings {
  readonly parts: Loadable
  readonly digest: Digest
  readonly ports: Ports
  /** What keeps calls in an outbox. */
  readonly keeping: () => Promise<typeof keepIn>
  /** For the scheme of the URL, such as `ws:`. Undefined where there is none; throws `BadAddress` where the URL is at fault. */
  transport(url: string, scheme: string): Transport | undefined
  /** What to use instead, for the sentence of the refusal. */
  readonly schemes: string
  /** Throws where nobody may connect. */
  admit(options: ConnectOptions): void
  /** A client was made. `exposing`: told of it whenever it has begun to offer something. */
  readonly exposing: ((client: Client, options: ConnectOptions) => void) | undefined
  /** It is connected: the surroundings may wake it and end it. */
  readonly connected: ((client: Client) => void) | undefined
}

export type Connect = (url: string, options?: ConnectOptions) => Promise<Client>

const DEFAULT_TIMEOUT_MS = 5000
const OPTIONS: Readonly<Record<keyof ConnectOptions, true>> = {
  name: true,
  token: true,
  labels: true,
  timeout: true,
  onIncident: true,
  drainOnSigterm: true,
  transport: true,
  backoff: true,
  outbox: true,
  tracing: true,
  ports: true,
}

/** `connect()` of these surroundings: see the door. */
export function connectIn(surroundings: Surroundings): Connect {
  return async (url, options = {}) => {
    const { name, token, labels, ports = surroundings.ports } = options
    const wrong = Object.keys(options).find((option) => !Object.hasOwn(OPTIONS, option))
    if (wrong !== undefined) {
      throw new WaybillError('BadAddress', `there is no option ${quoted(wrong)}; there are ${Object.keys(OPTIONS).join(', ')}`)
    }
    if (name !== undefined && !isName(name))
      throw new WaybillError('BadAddress', `${quoted(name)} is not a client name: 1 to 64 letters, digits, _ and -`)
    checkLabels(labels)
    surroundings.admit(options)
    const { exposing } = surroundings
    const client = new Client({
      url,
      transport: options.transport ?? transportFor(url, surroundings),
      ports,
      name,
      token,
      labels,
      backoff: { ...defaultBackoff, ...options.backoff },
      onIncident: options.onIncident ?? report,
      tracing: options.tracing,
      onExpose: exposing && ((exposer) => exposing(exposer, options)),
      loadable: surroundings.parts,
      digest: surroundings.digest,
    })
    await client.open(options.timeout === undefined ? DEFAULT_TIMEOUT_MS : durationMs(options.timeout, 'timeout'))
    const { outbox } = options
    if (outbox !== undefined) {
      const keep = await surroundings.keeping()
      client.keepIn((parts) => keep({ ...parts, outbox }))
    }
    surroundings.connected?.(client)
    return client
  }
}

function checkLabels(labels: ConnectOptions['labels'] = {}): void {
  const entries = Object.entries(labels)
  if (entries.length > MAX_LABELS) throw new WaybillError('BadAddress', `a client has at most ${MAX_LABELS} labels, not ${entries.length}`)
  for (const [label, value] of entries) {
    if (!isName(label) || !isName(value)) throw new WaybillError('BadAddress', `${quoted(`${label}=${value}`)} is not a label with a value`)
  }
}

function transportFor(url: string, { transport, schemes }: Surroundings): Transport {
  if (!isSocketUrl(url) && !URL.canParse(url)) {
    throw new WaybillError('BadAddress', `${JSON.stringify(url)} is not a URL such as ws://127.0.0.1:7411`)
  }
  const scheme = url.slice(0, url.indexOf(':') + 1).toLowerCase()
  const found = transport(url, scheme)
  if (found !== undefined) return found
  throw new WaybillError('Unsupported', `there is no transport for ${scheme}//; use ${schemes}`)
}

/** What was thrown may quote its caller, so it is written as one line in which nothing can pretend to be another. */
function report({ incident, sn, service, method, error }: Incident): void {
  const thrown = error instanceof Error ? (error.stack ?? error.message) : String(error)
  console.error(logLine({ waybill: 'incident', incident, sn, method: `${service}.${method}`, thrown }))
}
