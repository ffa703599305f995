/** What other processes may know of a fault inside this one: nothing but the number under which it is logged here. */
import type { Random } from '../ports/index.js'
import { WaybillError } from './error.js'

/** 12 hexadecimal digits that find a fault in a log. */
export function mintIncident(random: Random): string {
  return Array.from(random.fill(new Uint8Array(6)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/**
 * The error as a peer may read it. All errors but `Internal` were written to be read; of an `Internal` one, whose message is whatever was
 * thrown, `report` takes note and returns the incident.
 */
export function disclosed(error: WaybillError, report: (error: WaybillError) => string): WaybillError {
  if (error.code !== 'Internal') return error
  const incident = report(error)
  return new WaybillError('Internal', `a fault inside the other side; it is logged there as incident ${incident}`, {
    executed: error.executed,
    details: { incident },
  })
}
