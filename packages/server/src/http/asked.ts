/** What a request asks in its headers and its query, checked. Throws `BadArguments` that names what is wrong. */
import { durationMs, Parcel, PARCEL_HEADERS, WaybillError, type Duration, type ParcelHead } from '@waybill/core'

/** What its sender says of the body, as far as a parcel carries it. Throws `BadArguments` where it carries no such thing. */
export function headOf(headers: Headers): ParcelHead {
  const head: Record<string, string> = {}
  for (const name of PARCEL_HEADERS) {
    const text = headers.get(name)
    if (text !== null && name !== 'content-length') head[name] = text
  }
  return new Parcel(new Uint8Array(0), head).head
}

/** `1500`, in milliseconds, or `30s`, `5m`, `2h`, `1d`. */
export function durationIn(headers: Headers, name: string): number | undefined {
  const text = headers.get(name)
  if (text === null) return undefined
  try {
    return durationMs(/^\d{1,15}$/.test(text) ? Number(text) : (text as Duration), name)
  } catch (thrown) {
    throw new WaybillError('BadArguments', WaybillError.from(thrown).message)
  }
}

export function textIn(headers: Headers, name: string): string | undefined {
  return headers.get(name) ?? undefined
}

/** JSON text, as it is. */
export function jsonIn(headers: Headers, name: string): string | undefined {
  const text = headers.get(name)
  if (text === null) return undefined
  try {
    JSON.parse(text)
    return text
  } catch {
    throw new WaybillError('BadArguments', `${name} is not JSON`)
  }
}

/** `?wait=30`: seconds, at most so many. */
export function secondsIn(query: URLSearchParams, name: string, mostSeconds: number, defaultSeconds: number): number {
  const text = query.get(name)
  if (text === null) return defaultSeconds * 1000
  const seconds = Number(text)
  if (!/^\d{1,9}(?:\.\d{1,3})?$/.test(text) || seconds > mostSeconds)
    throw new WaybillError('BadArguments', `${name} is a number of seconds from 0 to ${mostSeconds}`)
  return seconds * 1000
}
