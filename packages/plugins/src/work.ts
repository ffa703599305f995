/** Owns what the plugins of one process are doing, and the plugin of our own that tells it. */
import type { Clock } from '@waybill/core'
import { action } from './define.js'
import type { Declared } from './declared.js'

export interface ActiveWork {
  /** Of the call that asked for it. */
  readonly id: string
  readonly directive: string
  /** The client that sent it. */
  readonly sender: string
}

/** What `ping` answers. */
export interface NodeStatus {
  readonly response_time: Date
  readonly active_work: readonly ActiveWork[]
}

/** No other plugin has its name. */
export const OWN = 'waybill'

export function ownPlugin(active: ReadonlySet<ActiveWork>, clock: Clock): Declared {
  const ping = action({ input: 'buffer' }, (_pieces, call): NodeStatus => ({
    response_time: new Date(clock.wallMs()),
    active_work: [...active].filter(({ id }) => id !== call.sn),
  }))
  return { name: OWN, version: undefined, actions: new Map([['ping', ping]]), undeclared: [] }
}
