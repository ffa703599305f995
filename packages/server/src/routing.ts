/**
 * Where a call goes: pure functions of what is offered. Nothing here changes anything but a route's own derived fields.
 */
import semver from 'semver'
import { quoted, WaybillError, type Address } from '@waybill/core'
import type { Instance, Route } from './model.js'

/** The instances that an address means, in the order in which they were offered. */
export function candidatesOf(address: Address, instances: readonly Instance[]): readonly Instance[] {
  return instances.filter((instance) => matches(address, instance))
}

function matches({ client, range, where }: Address, { session, offer }: Instance): boolean {
  if (client !== undefined && session.name !== client && session.id !== client) return false
  if (range !== undefined && !semver.satisfies(offer.version, range, { includePrerelease: true })) return false
  return (
    where === undefined || Object.entries(where).every(([label, value]) => offer.labels[label] === value || session.labels[label] === value)
  )
}

/** Throws `BadAddress` where the range is none. */
export function checkRange(address: Address): void {
  if (address.range !== undefined && semver.validRange(address.range) === null) {
    throw new WaybillError('BadAddress', `${quoted(address.range)} is not a version range; write one like ^1, ~1.2 or >=1.0.0 <2`)
  }
}

export function isExactVersion(version: string): boolean {
  return semver.valid(version) === version
}

/** The next instance with room, in turn; undefined when all are full or away. */
export function choose(route: Route, windowBytes: number): Instance | undefined {
  const { candidates } = route
  const count = candidates.length
  for (let step = 0; step < count; step++) {
    const turn = (route.cursor + step) % count
    const instance = candidates[turn]!
    if (hasRoom(instance, windowBytes)) {
      route.cursor = turn + 1
      return instance
    }
  }
  return undefined
}

export function hasRoom(instance: Instance, windowBytes: number): boolean {
  const { session } = instance
  return (
    session.state === 'open' &&
    instance.offered &&
    instance.inFlight < instance.offer.concurrency &&
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
