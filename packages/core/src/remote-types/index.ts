export { durationMs, type Duration } from './duration.js'
export { RemoteObject } from './remote-object.js'
export type { Call, Fan, Gathered, Origin, Prepared, StreamCall } from './call.js'
export type { CallEvents, Durability, Listener, Outcome, Progress, Receipt, Rejection, Status, Watchable } from './events.js'
export type { Modes, RemoteMethod, StreamMethod } from './modes.js'
export type { CallOptions, RemoteOptions } from './options.js'
export type { Condition, DeadLetter, DeadQuery, DeadReason, ReceiptInfo, ReceiptQuery, ReceiptState, ReceiptStep } from './receipts.js'
export type { MethodNames, Received, Remote, Sent } from './remote.js'
export type {
  DurableEventsOptions,
  DurableSubscription,
  EventGap,
  EventsOptions,
  PublishOptions,
  StoredEvent,
  Subscription,
  TopicEvent,
} from './subscription.js'
