/** `waybill trace`: one call, and when what became of it. */
import type { Call } from '@waybill/client'
import { systemPorts } from '@waybill/core/system'
import { WaybillError } from '@waybill/core'
import type { Command } from 'commander'
import { addCallOptions, readCallOptions, type CallVerbOptions } from '../call-options.js'
import { Exit } from '../exits.js'
import { failureForm } from '../failure.js'
import { readInputs } from '../input.js'
import { interruptible } from '../interrupt.js'
import { tellException } from '../outcome.js'
import { addPlaceOptions, type PlaceOptions } from '../place.js'
import { readTarget, type Target } from '../request.js'
import { withRouter } from '../router.js'
import { timelineText } from '../show/timeline.js'
import { printTitled } from '../show/titled.js'
import { jsonForm } from '../show/value.js'
import { withoutStreams } from '../streaming.js'
import { print, widthOf, type Terminal } from '../terminal.js'
import { Trace } from '../tracing.js'
import type { Act } from '../verb.js'

type Options = PlaceOptions & CallVerbOptions

const examples = `
Examples:
  waybill trace Dog.bark hello
  waybill trace kennel/Dog.walk 3 --json
  waybill trace Dog.smells                # a stream is read to its end

The times are this command's, from when it made the call: accepted, the callee has
it; started, the method runs; then each progress, each item of a stream, and how it
ended. Of many alike five are shown, and the last. Arguments are those of
\`waybill call\`. Exit codes too, so an exception is 1.`

export function define(verb: Command, act: Act): void {
  verb
    .argument('<service.method>', 'what to call: Dog.bark, Dog@^1.bark, kennel/Dog.bark')
    .argument('[arguments...]', 'its arguments, each JSON, text, @file or -')
    .option('--json', 'print {"call": …, "sn": …, "steps": […]}, with "result" or "error"')
  addPlaceOptions(addCallOptions(verb))
    .addHelpText('after', examples)
    .action((target: string, args: string[], options: Options) => act((terminal) => traceVerb(target, args, options, terminal)))
}

async function traceVerb(text: string, texts: readonly string[], options: Options, terminal: Terminal): Promise<number> {
  const target = readTarget(text, options)
  const asked = readCallOptions(options)
  const args = await readInputs(texts, terminal)
  const json = options.json === true
  return withRouter(options, terminal, async (client) => {
    try {
      return await trace(
        target,
        () => client.remote<Methods>(target.address, asked)[target.method]!(...args) as Call<unknown>,
        json,
        terminal,
      )
    } catch (thrown) {
      return tellException(thrown, { json }, terminal)
    }
  })
}

type Methods = Record<string, (...args: unknown[]) => unknown>

async function trace(target: Target, begin: () => Call<unknown>, json: boolean, terminal: Terminal): Promise<number> {
  const kept = new Trace(systemPorts.clock)
  const call = begin()
  let interrupted = false
  const cancel = (): void => {
    interrupted = true
    void call.cancel('Ctrl-C')
  }
  const name = `${target.address}.${target.method}`
  const tell = (end: () => Readonly<Record<string, unknown>>): void => {
    if (json) print(JSON.stringify({ call: name, sn: call.sn, steps: kept.steps, ...end() }), terminal)
    else printTitled(timelineText(name, call.sn, kept.steps, widthOf(terminal.out)), terminal)
  }
  return interruptible(terminal, cancel, async () => {
    try {
      await kept.follow(call)
      const { value } = withoutStreams(kept.result)
      tell(() => ({ result: jsonForm(value) }))
      return Exit.ok
    } catch (thrown) {
      tell(() => ({ error: failureForm(WaybillError.from(thrown)) }))
      const exit = json ? Exit.failed : tellException(thrown, { json }, terminal)
      return interrupted ? Exit.interrupted : exit
    }
  })
}
