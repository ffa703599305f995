/** Why a call that arrived is not taken, as its caller reads it. */
import { quoted, WaybillError } from '@waybill/core'
import type { Exposure } from './exposure.js'

export function takenBack(): WaybillError {
  return new WaybillError('NoSuchService', 'the service has been taken back')
}

export function noSuchMethod(exposure: Exposure, name: string | undefined): WaybillError {
  const { name: service, methods } = exposure.contract
  const offered = [...methods.keys()].slice(0, 20)
  return new WaybillError(
    'NoSuchMethod',
    `${service} does not expose ${name === undefined ? 'this method' : quoted(name)}; it has ${offered.join(', ')}`,
    { details: { offered } },
  )
}

export function givesStream(service: string, method: string, isStored: boolean): WaybillError {
  const name = `${service}.${method}`
  return isStored
    ? new WaybillError('NotStorable', `${name} gives a stream, which ends with the connection of its caller: call it directly`)
    : new WaybillError('Unsupported', `${name} gives a stream and runs in a process of its own: it cannot do both yet`)
}

export function takesNoStream(service: string, method: string): WaybillError {
  return new WaybillError('Unsupported', `${service}.${method} runs in a process of its own: streams cannot follow it there yet`)
}

export function crowded(): WaybillError {
  return new WaybillError('Overloaded', 'the client that offers the service has too many unfinished bodies', {
    details: { retryAfterMs: 500 },
  })
}

export function cutOff(): WaybillError {
  return new WaybillError('Rejected', 'the caller was gone before its arguments were here')
}

export function closing(): WaybillError {
  return new WaybillError('Overloaded', 'the client that offers the service is closing', { details: { retryAfterMs: 0 } })
}
