/**
 * Where a call goes, by key and never by IP: `Dog`, `Dog@^1`, `kennel/Dog@^1`, `Dog?region=eu`. Parsed once, printed back in one canonical
 * form, which is what a symbol stands for. Knows nothing of who is there; what a version range means is the router's.
 *
 * Grammar: `[client "/"] service ["@" range] ["?" label "=" value *("&" label "=" value)]`, names as in `names.ts`.
 */
import { WaybillError } from '../errors/index.js'
import { isName, isServiceName } from './names.js'
import { quoted } from './printable.js'

export interface Address {
  readonly client?: string
  readonly service: string
  /** A semver range as the caller wrote it; absent for any version. */
  readonly range?: string
  readonly where?: Readonly<Record<string, string>>
}

const MAX_ADDRESS_LENGTH = 512
/** What may stand in a range; whether it is one, the router decides. */
const RANGE = /^[0-9A-Za-z.+*^~<>=| -]{1,128}$/

export function parseAddress(text: string): Address {
  if (text.length > MAX_ADDRESS_LENGTH) throw bad(text.slice(0, 40), `has ${text.length} characters, more than ${MAX_ADDRESS_LENGTH}`)
  const [route, query, ...rest] = text.split('?')
  if (rest.length > 0) throw bad(text, 'has two question marks')
  const at = route!.indexOf('@')
  const target = at < 0 ? route! : route!.slice(0, at)
  const range = at < 0 ? undefined : route!.slice(at + 1)
  const slash = target.indexOf('/')
  return checkAddress({
    service: slash < 0 ? target : target.slice(slash + 1),
    ...(slash >= 0 && { client: target.slice(0, slash) }),
    ...(range !== undefined && { range }),
    ...(query !== undefined && { where: parseLabels(query, text) }),
  })
}

/** The canonical form: labels in order, nothing optional that is empty. */
export function printAddress(address: Address): string {
  const client = address.client === undefined ? '' : `${address.client}/`
  const range = address.range === undefined ? '' : `@${address.range}`
  const labels = Object.entries(address.where ?? {}).toSorted(([left], [right]) => (left < right ? -1 : 1))
  const query = labels.length === 0 ? '' : `?${labels.map(([label, value]) => `${label}=${value}`).join('&')}`
  return client + address.service + range + query
}

/** Returns the address, or throws `BadAddress` saying which part is wrong. */
export function checkAddress(address: Address): Address {
  const { client, service, range, where } = address
  if (!isServiceName(service)) throw bad(service, 'is not a service name: tokens of letters, digits, _ and -, joined by dots')
  if (client !== undefined && !isName(client)) throw bad(client, 'is not a client name: 1 to 64 letters, digits, _ and -')
  if (range !== undefined && !RANGE.test(range)) throw bad(range, 'is not a version range')
  for (const [label, value] of Object.entries(where ?? {})) {
    if (!isName(label) || !isName(value)) throw bad(`${label}=${value}`, 'is not a label with a value')
  }
  return address
}

function parseLabels(query: string, text: string): Record<string, string> {
  const where: Record<string, string> = Object.create(null) as Record<string, string>
  for (const pair of query.split('&')) {
    const equals = pair.indexOf('=')
    if (equals < 0) throw bad(text, `has the label ${quoted(pair)} without a value`)
    where[pair.slice(0, equals)] = pair.slice(equals + 1)
  }
  return where
}

function bad(text: string, reason: string): WaybillError {
  return new WaybillError('BadAddress', `${quoted(text)} ${reason}`)
}
