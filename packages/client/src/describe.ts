/** Asks a service what it is. The answer is its client's own, whatever the service does. */
import { DESCRIBE } from '@waybill/core'
import type { Remote, ServiceDescription } from '@waybill/core'

/** What every service has besides its own methods. */
export interface Described {
  [DESCRIBE](): ServiceDescription
}

export function describe(service: Remote<Described>): Promise<ServiceDescription> {
  return service[DESCRIBE]()
}
