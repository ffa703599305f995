/**
 * Who may come in through a port that browsers can reach. Pure: decides on names and headers.
 */
import { quoted, WaybillError } from '@waybill/core'

export interface DoorOptions {
  /** Host names under which the router may be reached, besides the loopback names and the one that it listens on. */
  readonly allowHosts?: readonly string[]
  /** Origins of pages that may connect, such as `https://app.example.com`. */
  readonly origins?: readonly string[]
}

/** Of every answer: whatever a browser takes it for, it runs nothing of it, keeps nothing, and shows it to no other page. */
export const SAFE_HEADERS: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "sandbox; default-src 'none'",
  'cache-control': 'no-store',
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]', '::1'])

export function isLoopback(host: string): boolean {
  return LOOPBACK.has(host) || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)
}

/** Listening where others can reach it takes a token and TLS, or the operator's word. */
export function checkExposure(host: string, secured: { credentials: boolean; tls: boolean; insecure: boolean }): void {
  if (isLoopback(host)) return
  if (!secured.credentials) {
    throw new WaybillError('Forbidden', `listening on ${host} opens the router to a network: give a token, or listen on 127.0.0.1`)
  }
  if (!secured.tls && !secured.insecure) {
    throw new WaybillError('Forbidden', `listening on ${host} without TLS sends tokens in the clear: give a certificate, or say --insecure`)
  }
}

/** Why a request may not come in; undefined when it may. */
export function refusalOf(
  headers: { host?: string | undefined; origin?: string | undefined; 'sec-fetch-site'?: string | string[] | undefined },
  listening: string,
  options: DoorOptions,
): string | undefined {
  const host = headers.host === undefined ? undefined : hostName(headers.host)
  if (host === undefined) return 'the request has no valid Host header'
  if (!isLoopback(host) && host !== listening && !(options.allowHosts ?? []).includes(host)) {
    return `the host ${host} is not one of this router; allow it with --allow-host ${host}`
  }
  const { origin } = headers
  if (origin === undefined) return isForeign(headers['sec-fetch-site']) ? 'a page of another site may not ask for this' : undefined
  if (isOwnPage(origin, headers.host!) || (options.origins ?? []).includes(origin)) return undefined
  const shown = quoted(origin)
  return `pages of ${shown} may not connect; allow them with --origin ${shown}`
}

/** What a browser says of a request that it makes for a page without naming the page: an image, a frame, a script. Others say nothing. */
function isForeign(site: string | string[] | undefined): boolean {
  return site !== undefined && site !== 'same-origin' && site !== 'none'
}

/** A page that this router itself served: the origin has the very host and port of the request, which has passed already. */
function isOwnPage(origin: string, host: string): boolean {
  const own = host.toLowerCase()
  return origin === `http://${own}` || origin === `https://${own}`
}

/** The name in a Host header without its port; undefined where it is none. */
function hostName(header: string): string | undefined {
  const match = /^(\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Za-z._-]{1,253})(?::\d{1,5})?$/.exec(header)
  return match?.[1]?.toLowerCase()
}
