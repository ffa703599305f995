/**
 * Where a call goes: pure functions of what is offered. Nothing here changes anything but a route's own derived fields.
 */
// Not all of semver, which is a third of what the router takes to load.
import satisfies from 'semver/functions/satisfies.js'
import valid from 'semver/functions/valid.js'
import validRange from 'semver/ranges/valid.js'
import { quoted, WaybillError, type Address } from '@waybill/core'
import type { Instance, Route } from './model.js'

/** The instances that an address means, in the order in which they were offered. */
export function candidatesOf(address: Address, instances: readonly Instance[]): readonly Instance[] {
  return instances.filter((instance) => matches(address, instance))
}

function matches({ client, range, where }: Address, { session, offer }: Instance): boolean {
  if (client !== undefined && session.name !== client && session.id !== client) return false
  if (range !== undefined && !satisfies(offer.version, range, { includePrerelease: true })) return false
  return (
    where === undefined || Object.entries(where).every(([label, value]) => offer.labels[label] === value || session.labels[label] === value)
  )
}

/** Throws `BadAddress` where the range is none. */
export function checkRange(address: Address): void {
  if (address.range !== undefined && validRange(address.range) === null) {
    throw new WaybillError('BadAddress', `${quoted(address.range)} is not a version range; write one like ^1, ~1.2 or >=1.0.0 <2`)
  }
}

export function isExactVersion(version: string): boolean {
  return valid(version) === version
}

/** Enough to find somebody who is nearly the least busy. */
const CHOICES = 16

/** The least busy instance with room, among equals in turn; undefined when all are full or away. Of very many only some are compared. */
export function leastBusy(route: Route, windowBytes: number, mostLeased = Number.POSITIVE_INFINITY): Instance | undefined {
  const { candidates } = route
  const count = candidates.length
  let best: Instance | undefined
  let bestTurn = 0
  let leastLoad = Number.POSITIVE_INFINITY
  for (let step = 0; step < count && (best === undefined || step < CHOICES); step++) {
    const turn = (route.cursor + step) % count
    const instance = candidates[turn]!
    if (!hasRoom(instance, windowBytes, mostLeased)) continue
    const load = instance.inFlight / instance.places
    if (load >= leastLoad) continue
    best = instance
    bestTurn = turn
    leastLoad = load
    if (load === 0) break
  }
  if (best !== undefined) route.cursor = bestTurn + 1
  return best
}

/** The instance whose turn it is, whether it has room or not. */
export function inTurn(route: Route): Instance | undefined {
  const { candidates } = route
  return candidates.length === 0 ? undefined : candidates[route.cursor++ % candidates.length]
}

/** The instance that a key belongs to: by rendezvous hashing, so that when one comes or goes only its own keys move. */
export function belongsTo(route: Route, key: string): Instance | undefined {
  const hash = hashOf(key)
  let best: Instance | undefined
  let highest = -1
  for (const instance of route.candidates) {
    const score = mixed(hash ^ instance.hash)
    if (score <= highest) continue
    best = instance
    highest = score
  }
  return best
}

/** FNV-1a, 32 bits. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return hash >>> 0
}

/** The finalizer of MurmurHash3: neighbours end far apart. */
function mixed(hash: number): number {
  let value = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return (value ^ (value >>> 16)) >>> 0
}

/** `mostLeased`: stored calls that it may have at once, where it is asked for one. */
export function hasRoom(instance: Instance, windowBytes: number, mostLeased = Number.POSITIVE_INFINITY): boolean {
  const { session } = instance
  return (
    session.state === 'open' &&
    instance.offered &&
    instance.inFlight < instance.offer.concurrency &&
    instance.leased < mostLeased &&
    session.channel.outboundBytes < windowBytes
  )
}

/** Why an address means nobody, as precisely as can be said. */
export function nobody(address: Address, instances: readonly Instance[], isConnected: (client: string) => boolean): WaybillError {
  const { client, service, range } = address
  if (client !== undefined && !isConnected(client)) return new WaybillError('NoSuchClient', `no client named ${client} is connected`)
  const there = client === undefined ? '' : ` at ${client}`
  const offered = candidatesOf({ service, ...(client !== undefined && { client }) }, instances)
  if (offered.length === 0) return new WaybillError('NoSuchService', `nobody offers ${service}${there}`)
  const versions = [...new Set(offered.map((instance) => instance.offer.version))]
  if (range !== undefined && candidatesOf({ service, range }, offered).length === 0) {
    return new WaybillError('NoSuchVersion', `${service}${there} is offered in ${versions.join(', ')}, none of which is ${range}`, {
      details: { offered: versions, range },
    })
  }
  return new WaybillError('NoSuchService', `nobody offers ${service}${there} with these labels`)
}
