/** The door of parcels: sending to names and coming for what is there, without a connection. */
export type { Content, Failure } from './content.js'
export type { Dispatch, Dispatched } from './dispatching.js'
export { itemHeaders } from './item-headers.js'
export type { Outcome } from './outcome.js'
export { Parcels, type Registering } from './parcels.js'
export type { Poster } from './posting.js'
export type { Item } from './receiver.js'
export { Registrations, type Registration } from './registrations.js'
