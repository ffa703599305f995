/** `waybill call`: one call, or one to each instance, from the command line to what becomes of it. */
import type { Call, Client, Remote, RemoteOptions } from '@waybill/client'
import type { Command } from 'commander'
import { addCallModes, addCallOptions, readCallOptions, type CallModes, type CallVerbOptions } from '../call-options.js'
import { Exit } from '../exits.js'
import { follow } from '../following.js'
import { gather } from '../gathering.js'
import { inputText, readInputs } from '../input.js'
import { interruptible } from '../interrupt.js'
import { tellException, tellResult } from '../outcome.js'
import { addPlaceOptions, type PlaceOptions } from '../place.js'
import { readTarget, type Target } from '../request.js'
import { roundTrip, withRouter } from '../router.js'
import { Bar } from '../show/bar.js'
import { isStream, printStream, withoutStreams } from '../streaming.js'
import { print, remark, type Terminal } from '../terminal.js'
import type { Act } from '../verb.js'

type Options = PlaceOptions & CallVerbOptions & CallModes

/** One method of a service that is known by its name alone. */
type Callable = Remote<Record<string, (...args: unknown[]) => unknown>>[string]

const examples = `
Examples:
  waybill call Dog.bark hello
  waybill call Dog@^1.walk 3 --timeout 5s
  waybill call Orders.add '{"item":"bone","count":2}' --json
  waybill call waybill.Router.info
  waybill call Dog.walk 100 --async       # prints a serial number
  waybill call Dog.walk 100 --follow      # a bar, then the result
  waybill call Dog.bark hello --all --where region=eu
  waybill call Kennel.photo rex > rex.jpg
  waybill call Kennel.keep rex.jpg stream:@rex.jpg
  gzip -dc log.gz | waybill call Log.lines stream:- | head -1
  waybill call Dog.smells --json | waybill call Nose.sniff lines:-
${inputText}

A result that is a stream is printed as it arrives: values one a line, bytes as they
are. What a generator returns stands on stderr. With --json a line is a JSON value, and
the end of the stream, {"returned": …} or {"error": …}, stands on stderr.
With --async or --follow the router has the call: it outlives this command, and
\`waybill receipt <sn>\` says what became of it.`

const STREAMS_INSIDE = 'waybill: the result holds streams, which only a program can read: they were ended unread'

export function define(verb: Command, act: Act): void {
  verb
    .argument('<service.method>', 'what to call: Dog.bark, Dog@^1.bark, kennel/Dog.bark')
    .argument('[arguments...]', 'its arguments, each JSON, text, @file or -')
    .option('--json', 'print {"result": …} or {"error": …}')
  addPlaceOptions(addCallModes(addCallOptions(verb)))
    .addHelpText('after', examples)
    .action((target: string, args: string[], options: Options) => act((terminal) => call(target, args, options, terminal)))
}

async function call(text: string, texts: readonly string[], options: Options, terminal: Terminal): Promise<number> {
  const target = readTarget(text, options)
  const asked = readCallOptions(options)
  const args = await readInputs(texts, terminal)
  const json = options.json === true
  return withRouter(options, terminal, async (client) => {
    try {
      const method = methodOf(client, target, asked)
      if (options.all) return await gather(method.all(...args), json, terminal)
      if (options.send) return await send(client, method, args, json, terminal)
      if (options.async || options.follow) return await store(method, args, { json, stays: options.follow === true }, terminal)
      return await outcomeOf(method(...args), { json, force: options.force === true }, terminal)
    } catch (thrown) {
      return tellException(thrown, { json }, terminal)
    }
  })
}

/** Throws `BadAddress` and its like for options that cannot be had. */
function methodOf(client: Client, { address, method }: Target, options: RemoteOptions): Callable {
  return client.remote<Record<string, (...args: unknown[]) => unknown>>(address, options)[method]!
}

/** Waits until the router has read it: what it has read, it has passed on or dropped. */
async function send(client: Client, method: Callable, args: readonly unknown[], json: boolean, terminal: Terminal): Promise<number> {
  const { sn } = await method.send(...args)
  await roundTrip(client)
  print(json ? JSON.stringify({ sent: sn }) : sn, terminal)
  return Exit.ok
}

async function store(
  method: Callable,
  args: readonly unknown[],
  { json, stays }: { readonly json: boolean; readonly stays: boolean },
  terminal: Terminal,
): Promise<number> {
  const receipt = await method.async(...args)
  // Known from now on, whatever becomes of this process.
  if (stays) return follow(receipt, json, terminal, () => json || remark(`Stored as ${receipt.sn}`, terminal))
  print(json ? JSON.stringify({ receipt: receipt.sn }) : receipt.sn, terminal)
  return Exit.ok
}

async function outcomeOf(
  running: Call<unknown>,
  { json, force }: { readonly json: boolean; readonly force: boolean },
  terminal: Terminal,
): Promise<number> {
  const bar = new Bar(terminal.err)
  const before = (): void => bar.clear()
  let interrupted = false
  // Of a stream, stdout has its values alone.
  let told = terminal
  const cancel = (): void => {
    interrupted = true
    void running.cancel('Ctrl-C')
  }
  void running.on('progress', (progress) => bar.show(progress))
  return interruptible(terminal, cancel, async () => {
    try {
      const result = await running
      before()
      if (isStream(result)) {
        told = { ...terminal, out: terminal.err }
        return await printStream(result, { json, force, before }, terminal)
      }
      const { value, streams } = withoutStreams(result)
      const exit = tellResult(value, { json }, terminal)
      if (streams > 0) remark(STREAMS_INSIDE, terminal)
      return exit
    } catch (thrown) {
      before()
      const exit = tellException(thrown, { json }, told)
      return interrupted ? Exit.interrupted : exit
    }
  })
}
