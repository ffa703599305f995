/**
 * Which addresses the operator lets clients register: a list of origins with patterns in them. Pure: decides on URLs, and not on where a name leads.
 */
import { quoted, WaybillError } from '@waybill/core'
import { failed } from './failures.js'
import type { Network } from './networks.js'

/** What the operator opens. */
export interface Openings {
  readonly origins?: readonly string[]
  readonly loopback?: boolean
  readonly private?: boolean
}

/** An address that may be registered, parsed once. */
export interface Target {
  /** As it was registered. */
  readonly address: string
  readonly url: URL
  /** Where its host may lead. Every host may lead to public addresses. */
  readonly networks: ReadonlySet<Network>
  /** Whoever registers it has to show that it is his. */
  readonly needsProof: boolean
}

interface Pattern {
  readonly protocol: string
  /** `*`, `*.example.com` or a host as URLs write it. */
  readonly host: string
  /** As URLs write it: empty for the usual one; or `*`. */
  readonly port: string
}

const MAX_ADDRESS_LENGTH = 2048
const OWN_HOSTS = ['127.0.0.1', 'localhost', '[::1]']

export class Origins {
  readonly #patterns: readonly Pattern[]
  readonly #openings: Openings
  readonly #isOff: boolean

  /** Undefined: no address at all. Throws `BadArguments` for what is no origin, and for what could never be reached. */
  constructor(openings: Openings | undefined) {
    this.#isOff = openings === undefined
    this.#openings = openings ?? {}
    const { origins = openings?.loopback === true ? ownOrigins() : [] } = this.#openings
    if (openings !== undefined && origins.length === 0)
      throw new WaybillError('BadArguments', 'webhooks: name the origins that may be posted to, or allow loopback')
    this.#patterns = origins.map(readPattern)
    const shut = this.#patterns.find(({ host }) => isOwnHost(host))
    if (shut !== undefined && openings?.loopback !== true)
      throw new WaybillError('BadArguments', `webhooks: ${shut.host} is this machine: say loopback (--webhook-loopback) too`)
  }

  /** Throws the failure that says why an address may not be posted to. */
  check(address: string): Target {
    if (this.#isOff) throw failed('off', 'checking', 'this router posts to no addresses')
    const url = readAddress(address)
    const { origin } = url
    const matching = this.#patterns.filter((pattern) => isOf(pattern, url))
    if (matching.length === 0)
      throw failed('origin', 'checking', `${origin} is not on the list of origins that may be posted to`, { origin })
    const isNamed = matching.some(({ host }) => host === url.hostname)
    const isExact = matching.some(({ host, port }) => host === url.hostname && port === url.port)
    return { address, url, networks: this.#networksOf(url, isNamed), needsProof: !isExact && !isOwnHost(url.hostname) }
  }

  /** This machine is reached by its own names alone, and a private network only by a host that the operator has named: else whoever owns a name under a
   * pattern could have it lead there. */
  #networksOf(url: URL, isNamed: boolean): ReadonlySet<Network> {
    const networks = new Set<Network>(['public'])
    if (this.#openings.loopback === true && isOwnHost(url.hostname)) networks.add('loopback')
    if (this.#openings.private === true && isNamed) networks.add('private')
    return networks
  }
}

function ownOrigins(): string[] {
  return OWN_HOSTS.flatMap((host) => [`http://${host}:*`, `https://${host}:*`])
}

function isOwnHost(host: string): boolean {
  return OWN_HOSTS.includes(host) || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)
}

function isOf({ protocol, host, port }: Pattern, url: URL): boolean {
  if (protocol !== url.protocol || (port !== '*' && port !== url.port)) return false
  if (host === '*') return true
  return host.startsWith('*.') ? url.hostname.endsWith(host.slice(1)) : host === url.hostname
}

function readAddress(address: string): URL {
  // URLs are read more kindly: spaces around them, line ends within.
  const url = address.length <= MAX_ADDRESS_LENGTH && /^[!-~]+$/.test(address) ? parsed(address) : undefined
  // What was given is not repeated: there may be a password in it.
  if (url === undefined) throw failed('address', 'checking', `the address is not a URL of at most ${MAX_ADDRESS_LENGTH} ASCII characters`)
  const { protocol, origin } = url
  if (protocol !== 'http:' && protocol !== 'https:') throw failed('address', 'checking', `the address is one of ${protocol}`)
  if (url.username !== '' || url.password !== '') throw failed('address', 'checking', 'there are credentials in the address', { origin })
  if (url.hash !== '') throw failed('address', 'checking', 'there is a fragment in the address', { origin })
  return url
}

function parsed(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined
}

/** `https://hooks.example.com`, `http://127.0.0.1:*`, `https://*.example.com`, `https://*`. */
function readPattern(text: string): Pattern {
  const [, scheme, host, port] = /^(https?):\/\/(\*|(?:\*\.)?[^\s/:@?#*[\]\\]+|\[[\da-f:.]+\])(?::(\*|\d{1,5}))?$/i.exec(text) ?? []
  const stands = host?.replace(/^\*\.?/, '') || 'any.example'
  const url = scheme && parsed(`${scheme}://${stands}:${port === undefined || port === '*' ? '' : port}`)
  if (!url || host === undefined)
    throw new WaybillError('BadArguments', `webhooks: ${quoted(text)} is no origin such as https://hooks.example.com or http://127.0.0.1:*`)
  const star = /^\*\.?/.exec(host)?.[0] ?? ''
  return { protocol: url.protocol, host: star === '*' ? '*' : `${star}${url.hostname}`, port: port === '*' ? '*' : url.port }
}
