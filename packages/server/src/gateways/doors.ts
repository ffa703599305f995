/** Which gateways a router opens, in what order, and how they close together. Says no where an address would not be safe. */
import { WaybillError, type Ports } from '@waybill/core'
import type { Entrance } from '../entrance.js'
import { listenTcp, listenUnix, type Listening, type TcpOptions, type UnixOptions } from './sockets.js'
import { checkExposure } from './web-door.js'
import { listenWebSocket, type JsonDoorOptions, type ListenOptions } from './websocket.js'

/** `insecure`: the operator's word that tokens may be read on the way. */
type Careless<Options> = Partial<Options> & { readonly insecure?: boolean }

export interface DoorsOptions {
  /** Where to listen for WebSockets; `false` for a router that is not reached by them. Default `127.0.0.1:7411`. */
  readonly listen?: Careless<ListenOptions> | false
  /** Where to listen for bare TCP, with TLS where `tls` is given; what is left out is `127.0.0.1:7412`. Default: nowhere. */
  readonly tcp?: Careless<TcpOptions>
  /** The path of a Unix socket to listen on. Its file has mode 0600, so that only the same user gets in, unless another is given. */
  readonly unix?: string | UnixOptions
}

export interface Doors {
  /** In the order of the options. */
  readonly all: readonly Listening[]
  close(): Promise<void>
}

const DEFAULT_HOST = '127.0.0.1'
export const DEFAULT_PORT = 7411
export const DEFAULT_TCP_PORT = 7412

/** What the gateways are given beside their options. */
export interface DoorsParts {
  readonly entrance: Entrance
  readonly ports: Ports
  readonly json: JsonDoorOptions
  /** Answers plain requests to the WebSocket door. */
  readonly page: ListenOptions['page'] | undefined
  readonly web: ListenOptions['web'] | undefined
  /** Takes WebSockets at paths of their own. */
  readonly upgrades: ListenOptions['upgrades'] | undefined
}

/** Opens one of those that are asked for. */
type Opening = (parts: DoorsParts) => Promise<Listening>

/** What is asked for, found possible and safe before anything is opened. Throws `BadArguments`, and `Forbidden` when it would not be safe. `credentials`:
 * somebody has to say who he is. */
export function checkedDoors({ listen = {}, tcp, unix }: DoorsOptions, credentials: boolean): readonly Opening[] {
  const openings: Opening[] = []
  if (listen !== false) {
    const checked = checkedPlace(listen, DEFAULT_PORT, credentials)
    openings.push(({ entrance, json, page, web, upgrades }) =>
      listenWebSocket(entrance, { ...checked, ...(page && { page }), ...(web && { web }), ...(upgrades && { upgrades }) }, json),
    )
  }
  if (tcp !== undefined) {
    const checked = checkedPlace(tcp, DEFAULT_TCP_PORT, credentials)
    openings.push(({ entrance, ports }) => listenTcp(entrance, ports, checked))
  }
  if (unix !== undefined)
    openings.push(({ entrance, ports }) => listenUnix(entrance, ports, typeof unix === 'string' ? { path: unix } : unix))
  return openings
}

/** Opens all of them, or none. Rejects with `RouterUnreachable` when it cannot listen. */
export async function openDoors(openings: readonly Opening[], parts: DoorsParts): Promise<Doors> {
  const all: Listening[] = []
  const close = async (): Promise<void> => {
    await Promise.all(all.map((listening) => listening.close()))
  }
  try {
    for (const open of openings) all.push(await open(parts))
  } catch (thrown) {
    await close()
    throw thrown
  }
  return { all, close }
}

/** With a host and a port, and nothing of it unsafe. */
function checkedPlace<Options extends Careless<TcpOptions>>(
  { host = DEFAULT_HOST, port, insecure = false, ...rest }: Options,
  defaultPort: number,
  credentials: boolean,
): Omit<Options, 'host' | 'port' | 'insecure'> & { host: string; port: number } {
  const chosen = port ?? defaultPort
  if (!Number.isInteger(chosen) || chosen < 0 || chosen > 65_535) {
    throw new WaybillError('BadArguments', `${chosen} is not a port: 0 to 65535`)
  }
  checkExposure(host, { credentials, tls: rest.tls !== undefined, insecure })
  return { host, port: chosen, ...rest }
}
