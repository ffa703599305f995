/** `waybill call`: one call, from the command line to its outcome. */
import { WaybillError, type Call, type CallOptions, type Client } from '@waybill/client'
import type { Command } from 'commander'
import { Exit } from '../exits.js'
import { tellFailure } from '../failure.js'
import { addPlaceOptions, withRouter, type PlaceOptions } from '../place.js'
import { readArgument, readData, readDuration, readTarget, type Target } from '../request.js'
import { Bar } from '../show/bar.js'
import { printable } from '../show/paint.js'
import { jsonForm, valueText } from '../show/value.js'

interface Options extends PlaceOptions {
  readonly timeout?: string
  readonly deadline?: string
  readonly on?: string
  readonly version?: string
  readonly data?: string
}

const examples = `
Examples:
  waybill call Dog.bark hello
  waybill call Dog@^1.walk 3 --timeout 5s
  waybill call Orders.add '{"item":"bone","count":2}' --json
  waybill call waybill.Router.info

An argument is JSON where it parses as JSON, else text: 42 is a number, '"42"' is
text, hello is text. What begins with a dash stands behind --.`

export function addCall(program: Command, act: (verb: Promise<number>) => Promise<void>): Command {
  return addPlaceOptions(
    program
      .command('call')
      .description('call a method and print what it returns')
      .argument('<service.method>', 'what to call: Dog.bark, Dog@^1.bark, kennel/Dog.bark')
      .argument('[arguments...]', 'its arguments, each JSON or text')
      .option('--json', 'print {"result": …} or {"error": …}')
      .option('--timeout <time>', 'give up when nothing is heard for so long; progress counts (default 30s)')
      .option('--deadline <time>', 'give up after so long, whatever is heard (default 10m)')
      .option('--on <client>', 'only at the client of this name')
      .option('--version <range>', 'only versions in this range, such as ^1')
      .option('--data <json>', 'travels beside the arguments, as currentCall().data'),
  )
    .addHelpText('after', examples)
    .action((target: string, args: string[], options: Options) => act(call(target, args, options)))
}

async function call(text: string, texts: readonly string[], options: Options): Promise<number> {
  const target = readTarget(text, options)
  const args = texts.map(readArgument)
  const callOptions: CallOptions = {
    ...(options.timeout !== undefined && { timeout: readDuration(options.timeout, '--timeout') }),
    ...(options.deadline !== undefined && { deadline: readDuration(options.deadline, '--deadline') }),
    ...(options.data !== undefined && { data: readData(options.data) }),
  }
  return withRouter(options, (client) => outcomeOf(start(client, target, args, callOptions), options.json === true))
}

function start(client: Client, { address, method }: Target, args: readonly unknown[], options: CallOptions): Call<unknown> {
  const remote = client.remote<Record<string, (...args: unknown[]) => unknown>>(address, options)
  return remote[method]!(...args)
}

async function outcomeOf(running: Call<unknown>, json: boolean): Promise<number> {
  const bar = new Bar(process.stderr)
  let interrupted = false
  const interrupt = (): void => {
    // A second Ctrl-C does not wait for the verdict.
    if (interrupted) process.exit(Exit.interrupted)
    interrupted = true
    void running.cancel('Ctrl-C')
  }
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  void running.on('progress', (progress) => bar.show(progress))
  try {
    const value = await running
    bar.clear()
    printResult(value, json)
    return Exit.ok
  } catch (thrown) {
    bar.clear()
    const error = WaybillError.from(thrown)
    tellFailure(error, { json, ofCall: true })
    if (interrupted) return Exit.interrupted
    return error.code === 'BadAddress' ? Exit.usage : Exit.failed
  } finally {
    process.off('SIGINT', interrupt)
    process.off('SIGTERM', interrupt)
  }
}

/** Text goes out as it is, to a file or a pipe unchanged; a terminal gets no control characters from afar. Nothing is printed for nothing. */
function printResult(value: unknown, json: boolean): void {
  if (json) return console.log(JSON.stringify({ result: jsonForm(value) }))
  if (value === undefined) return
  const text = valueText(value)
  console.log(process.stdout.isTTY ? printable(text) : text)
}
