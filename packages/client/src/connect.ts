/** `connect()`: options with their checks and defaults. */
import {
  durationMs,
  isName,
  isSocketUrl,
  logLine,
  MAX_LABELS,
  parseSocketUrl,
  quoted,
  WaybillError,
  type Duration,
  type Ports,
  type Transport,
} from '@waybill/core'
import { systemPorts } from '@waybill/core/system'
import { defaultBackoff, type Backoff } from './backoff.js'
import { Client } from './client.js'
import type { Incident } from './answers.js'
import { isImporting } from './isolate/importing.js'
import { closeAtSigterm } from './sigterm.js'
import { webSocketTransport } from './transports/websocket.js'

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
  /** For tests: a virtual clock, a seeded source of randomness. */
  readonly ports?: Ports
}

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
  ports: true,
}

/** Hops on. Rejects with `RouterUnreachable`, `Unauthorized`, `Forbidden` or `Incompatible`; then nothing is left behind. */
export async function connect(url: string, options: ConnectOptions = {}): Promise<Client> {
  const { name, token, labels, ports = systemPorts, drainOnSigterm = options.ports === undefined } = options
  const wrong = Object.keys(options).find((option) => !Object.hasOwn(OPTIONS, option))
  if (wrong !== undefined) {
    throw new WaybillError('BadAddress', `there is no option ${quoted(wrong)}; there are ${Object.keys(OPTIONS).join(', ')}`)
  }
  if (name !== undefined && !isName(name))
    throw new WaybillError('BadAddress', `${quoted(name)} is not a client name: 1 to 64 letters, digits, _ and -`)
  checkLabels(labels)
  if (isImporting())
    throw new WaybillError('Unsupported', 'the module of an isolated method connects; put the class into one that does not')
  const client = new Client({
    url,
    transport: options.transport ?? transportFor(url),
    ports,
    name,
    token,
    labels,
    backoff: { ...defaultBackoff, ...options.backoff },
    onIncident: options.onIncident ?? report,
    onExpose: drainOnSigterm ? closeAtSigterm : undefined,
  })
  await client.open(options.timeout === undefined ? DEFAULT_TIMEOUT_MS : durationMs(options.timeout, 'timeout'))
  return client
}

function checkLabels(labels: ConnectOptions['labels'] = {}): void {
  const entries = Object.entries(labels)
  if (entries.length > MAX_LABELS) throw new WaybillError('BadAddress', `a client has at most ${MAX_LABELS} labels, not ${entries.length}`)
  for (const [label, value] of entries) {
    if (!isName(label) || !isName(value)) throw new WaybillError('BadAddress', `${quoted(`${label}=${value}`)} is not a label with a value`)
  }
}

/** Loaded where it is asked for, so that a program without one has nothing of bare sockets. */
const lazySocketTransport: Transport = {
  open: async (url, events, signal) => (await import('./transports/socket.js')).socketTransport.open(url, events, signal),
}

function transportFor(url: string): Transport {
  if (isSocketUrl(url)) {
    parseSocketUrl(url)
    return lazySocketTransport
  }
  let protocol: string
  try {
    ;({ protocol } = new URL(url))
  } catch {
    throw new WaybillError('BadAddress', `${JSON.stringify(url)} is not a URL such as ws://127.0.0.1:7411`)
  }
  if (protocol === 'ws:' || protocol === 'wss:') return webSocketTransport
  throw new WaybillError('Unsupported', `there is no transport for ${protocol}//; use ws://, wss://, tcp://, tcps:// or unix:`)
}

/** What was thrown may quote its caller, so it is written as one line in which nothing can pretend to be another. */
function report({ incident, sn, service, method, error }: Incident): void {
  const thrown = error instanceof Error ? (error.stack ?? error.message) : String(error)
  console.error(logLine({ waybill: 'incident', incident, sn, method: `${service}.${method}`, thrown }))
}
