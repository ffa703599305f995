/** `waybill drain`: has a client take its services back, and waits until nothing runs there. */
import type { Client } from '@waybill/client'
import { isName, WaybillError } from '@waybill/core'
import { systemPorts } from '@waybill/core/system'
import type { ClientInfo, RouterApi } from '@waybill/server'
import type { Command } from 'commander'
import { Exit, UsageError } from '../exits.js'
import { tellFailure } from '../failure.js'
import { unlessInterrupted } from '../interrupt.js'
import { addPlaceOptions, type PlaceOptions } from '../place.js'
import { readDuration } from '../request.js'
import { withRouter } from '../router.js'
import { StatusLine } from '../show/line.js'
import { print, remark, type Terminal } from '../terminal.js'
import type { Act } from '../verb.js'

interface Options extends PlaceOptions {
  readonly timeout?: string
}

/** How it ended: nothing runs there any more, it has gone, or time was up while so many calls went on. */
type Drained = { readonly kind: 'empty' | 'gone' } | { readonly kind: 'late'; readonly inFlight: number }

/** As long as a call may take, where its caller says nothing else. */
const DEFAULT_TIMEOUT = '10m'
/** Between two looks. */
const LOOK_MS = 200

const examples = `
Examples:
  waybill drain kennel
  waybill drain kennel --timeout 30s && kill "$KENNEL_PID"

The client gets no further calls, and what it has goes on to its end. It stays
connected and offers nothing again by itself. Ctrl-C or the end of --timeout does not
take the drain back.`

export function define(verb: Command, act: Act): void {
  addPlaceOptions(
    verb
      .argument('<client>', 'its name: see `waybill clients`')
      .option('--timeout <time>', `give up waiting after so long (default ${DEFAULT_TIMEOUT})`)
      .option('--json', 'print JSON'),
  )
    .addHelpText('after', examples)
    .action((name: string, options: Options) => act((terminal) => drainVerb(name, options, terminal)))
}

async function drainVerb(name: string, options: Options, terminal: Terminal): Promise<number> {
  if (!isName(name)) throw new UsageError(`${JSON.stringify(name)} is not the name of a client: see \`waybill clients\``)
  const timeoutMs = readDuration(options.timeout ?? DEFAULT_TIMEOUT, '--timeout')
  const json = options.json === true
  return withRouter(options, terminal, async (client) => {
    const line = new StatusLine(terminal.err)
    try {
      const drained = await unlessInterrupted(terminal, () => drain(client, name, timeoutMs, (left) => json || line.show(left)))
      line.clear()
      if (drained === undefined) {
        remark(`${name} goes on draining. See how far it is with: waybill clients`, terminal)
        return Exit.interrupted
      }
      return tell(name, drained, timeoutMs, json, terminal)
    } catch (thrown) {
      line.clear()
      tellFailure(WaybillError.from(thrown), { json, ofCall: false }, terminal)
      return Exit.failed
    }
  })
}

/** Rejects with `NoSuchClient`, `Forbidden` and their like. */
export async function drain(client: Client, name: string, timeoutMs: number, left: (text: string) => void): Promise<Drained> {
  const { clock } = systemPorts
  const router = client.remote<RouterApi>('waybill.Router')
  const untilMs = clock.nowMs() + timeoutMs
  const { client: known } = await router.drain(name)
  for (;;) {
    const found = (await router.clients()).find((one) => one.name === known)
    if (found === undefined) return { kind: 'gone' }
    // It has heard of the drain when it has taken its services back.
    if (found.inFlight === 0 && found.services === 0) return { kind: 'empty' }
    left(leftText(found))
    const leftMs = untilMs - clock.nowMs()
    if (leftMs <= 0) return { kind: 'late', inFlight: found.inFlight }
    await new Promise<void>((resolve) => clock.timer(Math.min(LOOK_MS, leftMs), resolve))
  }
}

function leftText({ name, inFlight }: ClientInfo): string {
  return inFlight === 0 ? `${name} is asked to take its services back` : `${name} has ${callsText(inFlight)} left`
}

function callsText(count: number): string {
  return count === 1 ? '1 call' : `${count} calls`
}

function tell(name: string, drained: Drained, timeoutMs: number, json: boolean, terminal: Terminal): number {
  if (drained.kind === 'late') {
    const { inFlight } = drained
    const what = inFlight === 0 ? `${name} has not taken its services back` : `${name} still has ${callsText(inFlight)}`
    tellFailure(
      new WaybillError('DeadlineExceeded', `${what} after ${timeoutMs} ms; the drain goes on`, { executed: 'no' }),
      {
        json,
        ofCall: false,
      },
      terminal,
    )
    return Exit.failed
  }
  const isThere = drained.kind === 'empty'
  if (json) print(JSON.stringify({ client: name, inFlight: 0, connected: isThere }), terminal)
  else print(isThere ? `${name} is empty: it offers nothing, and nothing runs there` : `${name} has left`, terminal)
  return Exit.ok
}
