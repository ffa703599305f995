/**
 * From a target to a connection: every address of its name is looked at before any is used, and the connection goes to one of those that were looked at,
 * whatever the name leads to a moment later.
 */
import { lookup as resolveName } from 'node:dns/promises'
import { connect as dial, isIP, type LookupFunction, type Socket } from 'node:net'
import { connect as secure, rootCertificates } from 'node:tls'
import type { WaybillError } from '@waybill/core'
import { errnoOf } from './failures.js'
import { networkOf } from './networks.js'
import type { Target } from './origins.js'
import type { Stages } from './stages.js'

/** All IP addresses of a host name. */
export type Resolve = (host: string) => Promise<readonly string[]>

export interface Place {
  readonly host: string
  readonly port: number
  /** Checked; one of these, and no other, is to be connected to. */
  readonly addresses: readonly string[]
}

/** Begins a connection over TCP. */
export type Dial = (place: Place) => Socket

const HTTP_PORT = 80
const HTTPS_PORT = 443

export const resolveBySystem: Resolve = async (host) => (await resolveName(host, { all: true })).map(({ address }) => address)

export const dialPinned: Dial = ({ host, port, addresses }) => {
  const checked = addresses.map((address) => ({ address, family: isIP(address) }))
  const pinned: LookupFunction = (_host, { all }, answer) => {
    if (all === true) answer(null, checked)
    else answer(null, checked[0]!.address, checked[0]!.family)
  }
  return dial({ host, port, lookup: pinned, autoSelectFamily: true, noDelay: true })
}

/** The addresses that the host has now, if it may be posted to at each of them. Rejects with the failure, also when the signal of the stages aborts. */
export async function checkedPlace({ url, networks }: Target, resolve: Resolve, stages: Stages): Promise<Place> {
  stages.signal.throwIfAborted()
  const host = bare(url.hostname)
  const port = url.port === '' ? (url.protocol === 'https:' ? HTTPS_PORT : HTTP_PORT) : Number(url.port)
  const addresses = isIP(host) === 0 ? await resolved(host, resolve, stages) : [host]
  if (addresses.length === 0) throw stages.failure('host', `the host of ${url.origin} has no address`)
  for (const address of addresses) {
    const network = networkOf(address)
    if (!networks.has(network)) throw stages.failure('network', `${url.origin} leads to ${places[network]}`)
  }
  return { host, port, addresses }
}

/** A connection on which nothing has been said yet, over TLS where the address asks for it. */
export async function connected(
  { url }: Target,
  place: Place,
  { dial: dialTo, ca, stages }: { dial: Dial; ca: string | undefined; stages: Stages },
): Promise<Socket> {
  const socket = dialTo(place)
  await opened(socket, 'connect', stages, (thrown) => {
    const refused = errnoOf(thrown) === 'ECONNREFUSED'
    const what = refused
      ? `${url.origin} refused the connection`
      : `there was no connection to ${url.origin} (${errnoOf(thrown) ?? 'closed'})`
    return stages.failure(refused ? 'refused' : 'unreachable', what, { cause: thrown })
  })
  if (url.protocol === 'http:') return socket
  const secured = secure({
    socket,
    host: place.host,
    ...(isIP(place.host) === 0 && { servername: place.host }),
    ...(ca !== undefined && { ca: [...rootCertificates, ca] }),
    ALPNProtocols: ['http/1.1'],
  })
  await opened(secured, 'secureConnect', stages, (thrown) =>
    stages.failure('tls', `there was no secure connection to ${url.origin} (${errnoOf(thrown) ?? 'closed'})`, { cause: thrown }),
  )
  return secured
}

/** Which is not told more closely: who registers addresses is not to learn where names inside lead. */
const places = {
  public: 'a public address',
  loopback: 'an address of the router’s own machine',
  private: 'an address of a private network',
  never: 'an address that nobody may post to',
} as const

function resolved(host: string, resolve: Resolve, stages: Stages): Promise<readonly string[]> {
  return new Promise((done, reject) => {
    const abort = (): void => reject(stages.signal.reason as WaybillError)
    stages.signal.addEventListener('abort', abort, { once: true })
    resolve(host)
      .then(done, (thrown: unknown) =>
        reject(stages.failure('host', `the host ${host} could not be looked up (${errnoOf(thrown) ?? 'unknown'})`, { cause: thrown })),
      )
      .finally(() => stages.signal.removeEventListener('abort', abort))
  })
}

/** Waits for the event that says that it stands. Destroys the socket where it does not come. */
function opened(
  socket: Socket,
  event: 'connect' | 'secureConnect',
  { signal }: Stages,
  failure: (thrown: unknown) => WaybillError,
): Promise<void> {
  // What goes wrong while nobody listens is seen by whoever uses it next, and must not end the process.
  socket.on('error', () => {})
  return new Promise((done, reject) => {
    const end = (error: unknown): void => {
      settle()
      socket.destroy()
      reject(error as WaybillError)
    }
    const abort = (): void => end(signal.reason)
    const fail = (thrown: unknown): void => end(failure(thrown))
    const close = (): void => end(failure(undefined))
    const stands = (): void => {
      settle()
      done()
    }
    const settle = (): void => {
      signal.removeEventListener('abort', abort)
      socket.off(event, stands).off('error', fail).off('close', close)
    }
    socket.on(event, stands).on('error', fail).on('close', close)
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  })
}

function bare(hostname: string): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
}
