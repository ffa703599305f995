/** What all routes of the HTTP door have at hand. */
import type { Hono } from 'hono'
import type { ConversationParts } from '../calling/index.js'
import type { Parcels } from '../parcels/index.js'
import type { Pace } from './body.js'
import type { Who } from './who.js'

export interface RouteParts {
  /** What calls need. */
  readonly calling: ConversationParts
  /** Answers what is for the router's API over tRPC. */
  readonly trpc: (request: Request) => Promise<Response>
  readonly parcels: Parcels
  readonly who: Who
  /** Of one parcel in memory. */
  readonly maxBodyBytes: number
  readonly pace: Pace
  /** Why the router cannot do its work; undefined where it can. */
  readonly failure: () => string | undefined
}

/** Adds its routes. */
export type Routes = (app: Hono, parts: RouteParts) => void

/** Where who asks reaches the router, without a slash at the end. */
export function originOf(request: Request): string {
  return new URL(request.url).origin
}

/** Of what the router itself is told. */
export const MAX_OBJECT_BYTES = 64 * 1024
