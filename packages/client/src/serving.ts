/**
 * All of a client that is called: what it offers, the calls that arrive, and what their callers are told. A page loads it where it offers something.
 * Owns none of it but the parts.
 */
import { FrameType } from '@waybill/core'
import type { BodyLimits, FrameReader, Ports } from '@waybill/core'
import { Answers, type Incident } from './answers.js'
import type { Connection } from './connection.js'
import { Incoming } from './incoming.js'
import { Leases } from './leases.js'
import type { Isolation } from './isolate/isolation.js'
import type { Names } from './names.js'
import { Offers, type RouterCalls } from './offers.js'
import { notesOf, recordOnce } from './once.js'
import type { Recorded } from './running.js'
import type { Spans } from './tracing.js'

export interface ServingParts {
  readonly connection: Connection
  readonly names: Names
  readonly ports: Ports
  readonly limits: BodyLimits
  readonly router: RouterCalls
  readonly report: (incident: Incident) => void
  /** Where somebody traces. */
  readonly spans: Spans | undefined
  /** What runs methods in processes of their own; undefined where there are none. */
  readonly isolation: (() => Promise<typeof Isolation>) | undefined
}

export class Serving {
  readonly incoming: Incoming
  readonly offers: Offers

  constructor({ connection, names, ports, limits, router, report: incidents, spans, isolation }: ServingParts) {
    const leases = new Leases(connection)
    const answers = new Answers({ connection, leases, ports, limits, report: incidents })
    const report = answers.incident.bind(answers)
    const recorded: Recorded = (call, lease, key, run) => recordOnce(call, notesOf(router, lease, call), limits, key, run)
    this.incoming = new Incoming({ connection, names, ports, limits, answers, leases, spans, recorded })
    this.offers = new Offers({
      incoming: this.incoming,
      router,
      report: (service, error) => report({ sn: '', service, method: '' }, error),
      isolation: isolation && (async () => new (await isolation())({ ports, limits, report })),
    })
  }

  /** A frame of a call to this client. */
  frame(frame: FrameReader): void {
    switch (frame.type) {
      case FrameType.call: // source: the caller, destination: our instance, call, method | Tag.method, ttl, body: arguments
        return this.incoming.call(frame)
      case FrameType.callChunk: // source, call, body: the next piece
        return this.incoming.callChunk(frame)
      case FrameType.cancel: // source, call
        return this.incoming.cancel(frame)
      case FrameType.held: // body: a source and a call for each lease that was asked about
        return this.incoming.held(frame)
      case FrameType.kept: // body: leases
        return this.incoming.kept(frame)
      default: // source, call, method: the stream; of the arguments, and from who reads those of the result
        return this.incoming.stream(frame)
    }
  }
}
