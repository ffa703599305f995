/** The parts of a client that its surroundings supply: in Node all of them are at hand, a page loads each where it is first needed. */
import type { Events } from './events.js'
import type { Groups } from './groups.js'
import type { Isolation } from './isolate/isolation.js'
import type { Part } from './late.js'
import type { Postbacks } from './postbacks.js'
import type { Serving } from './serving.js'
import type { CallerStreams } from './streams/caller.js'

export interface Loadable {
  /** All that is called of a client. */
  readonly serving: Part<typeof Serving>
  /** Streams of calls, and with them bodies beyond plain JSON. */
  readonly streams: Part<CallerStreams>
  readonly groups: Part<typeof Groups>
  readonly events: Part<typeof Events>
  readonly postbacks: Part<typeof Postbacks>
  /** What runs methods in processes of their own; undefined where there are none. */
  readonly isolation: (() => Promise<typeof Isolation>) | undefined
}
