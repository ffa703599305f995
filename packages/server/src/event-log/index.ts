export { DurableEvents, type Beginning, type CursorInfo } from './durable-events.js'
export { extensionOf } from './event-frames.js'
export type { LoggedEvent } from './event-records.js'
export { EventLog } from './log.js'
