export type { Access, Action, OpenTokens, Principal, Subject, TokenSource } from './access.js'
export type { Waiting } from './api/mailbox.js'
export type {
  ClientInfo,
  DrainInfo,
  EdgeInfo,
  NameInfo,
  NameOffer,
  Redriven,
  RouterApi,
  RouterInfo,
  ServiceInfo,
} from './api/router-api.js'
export { composeRouter, createRouter, DEFAULT_PORT, DEFAULT_TCP_PORT, type RouterHandle, type RouterOptions } from './create-router.js'
export type { Entrance } from './entrance.js'
export { EventLog, type CursorInfo } from './event-log/index.js'
export { foldOf } from './folds.js'
export { beginKept, emptyKept, foldOfKept, type Kept } from './kept.js'
export type { Signature, SigningKey, SigningOptions } from './gateways/signing.js'
export type { RouterIncident } from './incidents.js'
export type { Fold, Journal, Place, RecoveryReport, Spool } from './journal/index.js'
export type { Log } from './log.js'
export { defaultLimits, type Limits } from './limits.js'
export { Edges, Registrations, type Edge, type Registration } from './parcels/index.js'
export { dotOf, mermaidOf } from './parcels/index.js'
export { Router, type RouterLoad } from './router.js'
export { Store } from './store.js'
export type { WebhookOptions } from './webhooks/index.js'
