/**
 * The stream that a call gave, as the body of an HTTP answer: JSON lines, server-sent events, or bytes. Owns their form, and that no more is asked of
 * the callee than the client has taken.
 */
import { WaybillError } from '@waybill/core'
import { textOf, type Members } from '../gateways/json-messages.js'
import { SAFE_HEADERS } from '../gateways/web-door.js'
import { bytesOf } from '../gateways/json-wire.js'
import { failureOf, type Failure } from './failure.js'

/** How items and ends are written. */
interface Form {
  readonly type: string
  /** Undefined where an item of this kind has no form. */
  item(value: Uint8Array | undefined, bytes: string | undefined): Uint8Array | undefined
  /** Undefined where nothing stands there. */
  end(retval: Uint8Array | undefined): Uint8Array | undefined
  failed(failure: Failure): Uint8Array | undefined
}

/** A failure can only break the answer off: any line would be an item. */
const LINES: Form = {
  type: 'application/x-ndjson',
  item: (value, bytes) => (bytes === undefined ? joined('', value, '\n') : undefined),
  end: () => undefined,
  failed: () => undefined,
}

const EVENTS: Form = {
  type: 'text/event-stream',
  item: (value, bytes) => (bytes === undefined ? joined('data: ', value, '\n\n') : undefined),
  end: (retval) => joined('event: end\ndata: ', retval, '\n\n'),
  failed: ({ text }) => bytesOf(`event: error\ndata: ${text}\n\n`),
}

const BYTES: Form = {
  type: 'application/octet-stream',
  item: (_, bytes) => (bytes === undefined ? undefined : Buffer.from(bytes, 'base64')),
  end: () => undefined,
  failed: () => undefined,
}

/** What the call is asked for meanwhile. */
export interface Taking {
  /** The client has taken so many items more. */
  taken(items: number): void
  /** The client wants no more. */
  stopped(): void
}

type Step = { readonly item: Members } | { readonly retval: Uint8Array | undefined } | { readonly failure: Failure }

export class ResultStream {
  readonly #kind: string
  readonly #begun: Promise<void>
  #begin!: () => void
  /** What came before there was a reader. */
  #early: Step[] = []
  #step: ((step: Step) => void) | undefined

  constructor(kind: string) {
    this.#kind = kind
    this.#begun = new Promise((resolve) => (this.#begin = resolve))
  }

  item(item: Members): void {
    this.#came({ item })
  }

  end(retval: Uint8Array | undefined): void {
    this.#came({ retval })
  }

  fail(failure: Failure): void {
    this.#came({ failure })
  }

  /** Once. */
  async response(wantsEvents: boolean, taking: Taking): Promise<Response> {
    // Such a stream holds bytes or values, and only its first item tells.
    if (this.#kind === 'readable') await this.#begun
    const [first] = this.#early
    const isBytes = this.#kind === 'bytes' || (first !== undefined && 'item' in first && first.item.has('bytes'))
    const form = isBytes ? BYTES : wantsEvents ? EVENTS : LINES
    const body = this.#body(form, taking)
    return new Response(body, { headers: { 'content-type': form.type, ...SAFE_HEADERS, 'x-accel-buffering': 'no' } })
  }

  #came(step: Step): void {
    if (this.#step !== undefined) return this.#step(step)
    this.#early.push(step)
    this.#begin()
  }

  #body(form: Form, taking: Taking): ReadableStream<Uint8Array> {
    let untold = 0
    return new ReadableStream(
      {
        start: (controller) => {
          const stop = (why: Failure): void => {
            this.#step = () => {}
            const last = form.failed(why)
            if (last === undefined) return controller.error(new Error(why.text))
            controller.enqueue(last)
            controller.close()
          }
          this.#step = (step) => {
            if ('failure' in step) return stop(step.failure)
            if ('retval' in step) {
              this.#step = () => {}
              const last = form.end(step.retval)
              if (last !== undefined) controller.enqueue(last)
              return controller.close()
            }
            const written = form.item(step.item.get('value'), step.item.has('bytes') ? textOf(step.item, 'bytes') : undefined)
            if (written === undefined) {
              stop(unwritten)
              return taking.stopped()
            }
            untold++
            controller.enqueue(written)
          }
          for (const step of this.#early.splice(0)) this.#step(step)
        },
        // Somebody reads, and finds nothing: all that came was taken.
        pull: () => {
          if (untold === 0) return
          taking.taken(untold)
          untold = 0
        },
        cancel: () => {
          this.#step = () => {}
          taking.stopped()
        },
      },
      { highWaterMark: 0 },
    )
  }
}

const unwritten = failureOf(
  new WaybillError('NotRepresentable', 'an item of the stream is bytes, and the others are JSON', { executed: 'maybe' }),
)

const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d

/** The text in one line: what ends a line stands between its tokens only, where a space means the same. */
function joined(before: string, text: Uint8Array | undefined, after: string): Uint8Array {
  const line = Buffer.concat([Buffer.from(before), text ?? Buffer.from('null'), Buffer.from(after)])
  const end = line.byteLength - after.length
  for (let at = before.length; at < end; at++) if (line[at] === LINE_FEED || line[at] === CARRIAGE_RETURN) line[at] = 0x20
  return line
}
