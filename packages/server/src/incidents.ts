/**
 * Faults of the router itself, and of the code that a deployment brought along: peers are told a number, the operator everything. Owns the line
 * in the log.
 */
import { disclosed, logLine, mintIncident, type Random, type WaybillError } from '@waybill/core'

/** A fault inside the router: what was thrown, where, and how peers name it. */
export interface RouterIncident {
  readonly incident: string
  readonly where: string
  readonly error: unknown
}

export class Incidents {
  readonly #random: Random
  readonly #tell: (incident: RouterIncident) => void

  constructor(random: Random, tell: ((incident: RouterIncident) => void) | undefined) {
    this.#random = random
    this.#tell = tell ?? log
  }

  /** Takes note of a fault and returns its number. Never throws. */
  report(where: string, error: unknown): string {
    const incident = mintIncident(this.#random)
    try {
      this.#tell({ incident, where, error })
    } catch {
      // A broken log must not bring the router down.
    }
    return incident
  }

  /** The error as a client may read it. */
  disclosed(where: string, error: WaybillError): WaybillError {
    return disclosed(error, (fault) => this.report(where, fault.cause ?? fault))
  }
}

function log({ incident, where, error }: RouterIncident): void {
  console.error(logLine({ waybill: 'incident', incident, where, thrown: thrownText(error) }))
}

/** All that is known of what was thrown, for the operator alone. */
export function thrownText(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
