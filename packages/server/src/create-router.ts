/** `createRouter`: options with their checks and defaults, and the handle that the user gets. */
import { hostname } from 'node:os'
import { isName, WaybillError, type Ports, type Transport } from '@waybill/core'
import { systemPorts } from '@waybill/core/system'
import { tokenAuthentication, type Access } from './access.js'
import { openDoors, type Doors, type DoorsOptions } from './gateways/doors.js'
import { memoryTransport } from './gateways/memory.js'
import { Signer, type SigningOptions } from './gateways/signing.js'
import type { JsonDoorOptions } from './gateways/websocket.js'
import { Incidents, type RouterIncident } from './incidents.js'
import { defaultLimits, type Limits } from './limits.js'
import { Router, type RouterLoad } from './router.js'

export { DEFAULT_PORT, DEFAULT_TCP_PORT } from './gateways/doors.js'

export interface RouterOptions extends DoorsOptions {
  /** What the router calls itself; default: the host's name. */
  readonly name?: string
  /** Label → token: who presents the token is the principal of that label. Without it everybody who can connect is `local`. */
  readonly tokens?: Readonly<Record<string, string>>
  /** Instead of `tokens`. */
  readonly authenticate?: Access['authenticate']
  readonly authorize?: Access['authorize']
  readonly limits?: Partial<Limits>
  /** Keys for signed messages of JSON clients. */
  readonly signing?: SigningOptions
  /** Told of each fault of which clients only learn the number. Default: one line of JSON to stderr. */
  readonly onIncident?: (incident: RouterIncident) => void
  /** For tests: a virtual clock, a seeded source of randomness. */
  readonly ports?: Ports
}

export interface RouterHandle extends AsyncDisposable {
  /** What clients connect to: the first of `urls`; undefined for a router that does not listen. */
  readonly url: string | undefined
  readonly port: number | undefined
  /** Of each door that was asked for: WebSocket, TCP, Unix, in this order. */
  readonly urls: readonly string[]
  /** Connects a client in the same process: `connect('memory:', { transport: router.transport })`. */
  readonly transport: Transport
  readonly load: RouterLoad
  close(): Promise<void>
}

/** Starts a router. Rejects with `RouterUnreachable` when it cannot listen, `Forbidden` when that would not be safe. */
export async function createRouter(options: RouterOptions = {}): Promise<RouterHandle> {
  const { router, ports } = composeRouter(options)
  let doors: Doors
  try {
    const credentials = options.tokens !== undefined || options.authenticate !== undefined
    doors = await openDoors(router, ports, credentials, options, jsonDoor(options, ports))
  } catch (thrown) {
    router.close()
    throw thrown
  }
  const close = async (): Promise<void> => {
    router.close()
    await doors.close()
  }
  return {
    url: doors.all[0]?.url,
    port: doors.all[0]?.port,
    urls: doors.all.map(({ url }) => url),
    transport: memoryTransport(router, ports.soon),
    get load() {
      return router.load
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** The router without any gateway, for embedding and for simulation. */
export function composeRouter(options: Omit<RouterOptions, keyof DoorsOptions>): { router: Router; ports: Ports } {
  if (options.tokens !== undefined && options.authenticate !== undefined) {
    throw new WaybillError('BadArguments', 'give tokens or authenticate, not both')
  }
  const ports = options.ports ?? systemPorts
  const name = nameOf(options)
  const router = new Router({
    ports,
    limits: checkLimits({ ...defaultLimits, ...options.limits }),
    incidents: new Incidents(ports.random, options.onIncident),
    access: { authenticate: options.authenticate ?? tokenAuthentication(options.tokens), authorize: options.authorize },
    // Without a store the start time serves: later starts have higher epochs.
    identity: { name, epoch: Math.floor(ports.clock.wallMs()) },
  })
  return { router, ports }
}

/** What the router calls itself. */
function nameOf(options: Pick<RouterOptions, 'name'>): string {
  const name =
    options.name ??
    hostname()
      .replaceAll(/[^0-9A-Za-z_-]/g, '-')
      .slice(0, 64)
  if (!isName(name)) throw new WaybillError('BadAddress', `${JSON.stringify(name)} is not a name for a router`)
  return name
}

function jsonDoor(options: RouterOptions, ports: Ports): JsonDoorOptions {
  const incidents = new Incidents(ports.random, options.onIncident)
  return {
    ports,
    signer: options.signing && new Signer(options.signing),
    audience: nameOf(options),
    disclosed: (error) => incidents.disclosed('JSON door', error),
  }
}

function checkLimits(limits: Limits): Limits {
  for (const [name, value] of Object.entries(limits)) {
    if (!Number.isFinite(value) || value < 1)
      throw new WaybillError('BadArguments', `the limit ${name} is ${value}, which is not a number from 1 on`)
  }
  return limits
}
