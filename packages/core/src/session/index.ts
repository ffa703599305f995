export { Exchange, type Arrival } from './exchange.js'
export {
  clientSession,
  routerSession,
  type ClientSessionEvent,
  type ClientSessionState,
  type RouterSessionEvent,
  type RouterSessionState,
} from './lifecycle.js'
export {
  Feature,
  MAGIC,
  MAX_INTRODUCTION_BYTES,
  MAX_LABELS,
  PROTOCOL_VERSION,
  readConnected,
  readIntroduction,
  writeOpening,
  type Connected,
  type Introduction,
  type Refused,
  type RouterIdentity,
  type SessionLimits,
} from './opening.js'
