/**
 * What a router is reached by over bare sockets: `tcp://host:port`, `tcps://host:port` for TLS, `unix:/path/to.sock`. Parsed once, printed back
 * in one form. Knows no socket.
 */
import { WaybillError } from '../errors/index.js'
import { quoted } from './printable.js'

export type SocketTarget =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly tls: boolean }
  /** The path is absolute. */
  | { readonly kind: 'unix'; readonly path: string }

/** A name, an IPv4 address, or an IPv6 address in brackets. */
const HOST = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([0-9A-Za-z._-]{1,253}))$/
/** In a path, what would end it or mean something else in a URL. */
const ESCAPED = /[^0-9A-Za-z/._~!$&'()*+,;=:@-]/gu

export function isSocketUrl(text: string): boolean {
  return /^(?:tcps?|unix):/i.test(text)
}

/** Throws `BadAddress` saying what is wrong. */
export function parseSocketUrl(text: string): SocketTarget {
  const scheme = /^(tcps?|unix):/i.exec(text)?.[1]?.toLowerCase()
  if (scheme === undefined) throw bad(text, 'is none of tcp://host:port, tcps://host:port and unix:/path')
  if (scheme === 'unix') return { kind: 'unix', path: pathOf(text) }
  const authority = /^\w+:\/\/([^/?#]*)\/?$/.exec(text)?.[1]
  if (authority === undefined) throw bad(text, `is not of the form ${scheme}://host:port`)
  if (authority.includes('@')) throw bad(`${scheme}://…@…`, 'holds credentials; a token is an option, never a part of the URL')
  const { host, port } = parseHostPort(authority, text)
  if (port === 0) throw bad(text, 'has no port to connect to: 1 to 65535')
  return { kind: 'tcp', host, port, tls: scheme === 'tcps' }
}

/** `host:port`, with an IPv6 address in brackets. Port 0 is any free one. Throws `BadAddress`; `whole` is what it is called there. */
export function parseHostPort(text: string, whole: string = text): { readonly host: string; readonly port: number } {
  const colon = text.lastIndexOf(':')
  const digits = text.slice(colon + 1)
  if (colon < 0 || !/^\d{1,5}$/.test(digits)) throw bad(whole, 'names no port: write host:port')
  if (Number(digits) > 65_535) throw bad(whole, `has the port ${digits}, which is more than 65535`)
  const found = HOST.exec(text.slice(0, colon))
  if (found === null) throw bad(whole, 'names no host; an IPv6 address stands in brackets')
  return { host: found[1] ?? found[2]!, port: Number(digits) }
}

export function printSocketUrl(target: SocketTarget): string {
  if (target.kind === 'unix') return `unix:${target.path.replaceAll(ESCAPED, encodeURIComponent)}`
  const { host, port, tls } = target
  return `${tls ? 'tcps' : 'tcp'}://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** What follows the scheme is an absolute path in UTF-8, with `%hh` for any byte; an empty authority in front of it says nothing. */
function pathOf(text: string): string {
  const written = text.slice('unix:'.length).replace(/^\/\/(?=\/)/, '')
  if (/[?#]/.test(written)) throw bad(text, 'has a ? or #; in a path write %3F and %23')
  let path: string
  try {
    path = decodeURIComponent(written)
  } catch {
    throw bad(text, 'has a % that is not followed by two digits of a byte in UTF-8; write %25')
  }
  if (!path.startsWith('/')) throw bad(text, 'needs an absolute path, such as unix:/run/waybill.sock')
  if (path.startsWith('//')) throw bad(text, 'names a host; a Unix socket is on this machine: write unix:/path')
  if (path.includes('\0')) throw bad(text, 'has a zero byte in its path')
  if (path.endsWith('/')) throw bad(text, 'ends with a slash, so it names no file')
  return path
}

function bad(text: string, reason: string): WaybillError {
  return new WaybillError('BadAddress', `${quoted(text)} ${reason}`)
}
