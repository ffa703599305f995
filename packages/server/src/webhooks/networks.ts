/**
 * What kind of network an IP address is of. Pure, and fails closed: whatever is not known to be public, of this machine or private is nobody's to post to.
 */
import ipaddr from 'ipaddr.js'

/** `never`: unspecified, link-local, multicast, reserved, tunnels, metadata of clouds; also what cannot be read. */
export type Network = 'public' | 'loopback' | 'private' | 'never'

const V4_BYTES = 4

/** Where clouds tell a machine its own credentials; those that stand in ranges which an operator may open. */
const METADATA: ReadonlySet<string> = new Set(['100.100.100.200', 'fd00:ec2::254', 'fd20:ce::254'])

/** Global unicast. What is outside of it and in no range that the library knows is not assigned, such as `::127.0.0.1`. */
const GLOBAL: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse('2000::'), 3]
/** Addresses of IPv4 behind a translator. The other one, `64:ff9b:1::/48`, is for use inside a network. */
const NAT64: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse('64:ff9b::'), 96]

export function networkOf(address: string): Network {
  if (!isWritten(address)) return 'never'
  // An IPv4 address that is written as an IPv6 one is that IPv4 address.
  const ip = ipaddr.process(address)
  if (METADATA.has(ip.toString())) return 'never'
  return ip.kind() === 'ipv4' ? networkOfV4(ip as ipaddr.IPv4) : networkOfV6(ip as ipaddr.IPv6)
}

/** As systems write addresses. The library reads more: numbers of fewer parts, and `::127.0.0.1`, which leads elsewhere than it says. */
function isWritten(address: string): boolean {
  return address.includes(':') ? ipaddr.IPv6.isValid(address) && !/^::\d+\./.test(address) : ipaddr.IPv4.isValidFourPartDecimal(address)
}

function networkOfV4(ip: ipaddr.IPv4): Network {
  switch (ip.range()) {
    case 'unicast':
      return 'public'
    case 'loopback':
      return 'loopback'
    case 'private':
    case 'carrierGradeNat':
      return 'private'
    default:
      return 'never'
  }
}

function networkOfV6(ip: ipaddr.IPv6): Network {
  if (ip.zoneId !== undefined) return 'never'
  // The translator would reach what it translates to, from where it stands.
  if (ip.match(NAT64)) return networkOfV4(new ipaddr.IPv4(ip.toByteArray().slice(-V4_BYTES))) === 'public' ? 'public' : 'never'
  switch (ip.range()) {
    case 'unicast':
      return ip.match(GLOBAL) ? 'public' : 'never'
    case 'loopback':
      return 'loopback'
    case 'uniqueLocal':
      return 'private'
    default:
      return 'never'
  }
}
