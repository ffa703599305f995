/** Owns the command as a whole: its verbs, its help, and how a run ends in an exit code. Of a verb only what is typed is loaded. */
import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { Exit, exitCodesText, UsageError } from './exits.js'
import { environmentText } from './place.js'
import { widthOf, type Output, type Terminal } from './terminal.js'
import type { Act, Verb } from './verb.js'

/** In the order of the help. */
const verbs: readonly (readonly [name: string, does: string, load: () => Promise<Verb>])[] = [
  ['start', 'run the router until Ctrl-C', () => import('./verbs/start.js')],
  ['status', 'what the router is and has to do', () => import('./verbs/status.js')],
  ['top', 'show what the router is busy with, again and again', () => import('./verbs/top.js')],
  ['call', 'call a method and print what it returns', () => import('./verbs/call.js')],
  ['dispatch', 'send a parcel to a client', () => import('./verbs/dispatch.js')],
  ['trace', 'call a method and print when what became of it', () => import('./verbs/trace.js')],
  ['receipts', 'list stored calls, or cancel them', () => import('./verbs/receipts.js')],
  ['receipt', 'print what became of a stored call', () => import('./verbs/receipt.js')],
  ['dead', 'list, redrive or purge stored calls that were not done', () => import('./verbs/dead.js')],
  ['mailbox', 'what waits for whom', () => import('./verbs/mailbox.js')],
  ['graph', 'where parcels go that are for nobody', () => import('./verbs/graph.js')],
  ['services', 'list what is offered, and by whom', () => import('./verbs/services.js')],
  ['describe', 'print the methods of a service with their types', () => import('./verbs/describe.js')],
  ['clients', 'list who is connected', () => import('./verbs/clients.js')],
  ['ping', 'measure round trips', () => import('./verbs/ping.js')],
  ['events', 'print events as they are published', () => import('./verbs/events.js')],
  ['publish', 'publish an event', () => import('./verbs/publish.js')],
  ['drain', 'let a client finish its calls and give it no more', () => import('./verbs/drain.js')],
  ['store', 'check or copy a folder of stored calls on this machine', () => import('./verbs/store.js')],
  ['token', 'make, list and revoke tokens of a router on this machine', () => import('./verbs/token.js')],
]

const example = `
Example, in three terminals:
  waybill start                  # the router, at port 7411
  node kennel.js                 # connects, exposes a Dog
  waybill call Dog.bark hello    # calls it`

/** Runs the command with these arguments and resolves to its exit code. Prints to the terminal; does not exit. */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  const { out, err } = terminal
  const program = new Command('waybill')
    .description('Call methods of processes anywhere, through a router.')
    .version(versionOfPackage(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [verb]', 'print help for a verb')
    .enablePositionalOptions()
    .showHelpAfterError('(--help says more)')
    .usage('<verb> [options]')
    .configureHelp({ subcommandTerm: (verb) => verb.name() })
    .configureOutput({
      writeOut: (text) => out.write(text),
      writeErr: (text) => err.write(text),
      getOutHelpWidth: () => helpWidthOf(out),
      getErrHelpWidth: () => helpWidthOf(err),
      outputError: (text, write) => write(text.replace(/^error: /, 'waybill: ')),
    })
    .exitOverride()
    .addHelpText('after', `${example}\n${environmentText}\n${exitCodesText}`)
  let exit: number = Exit.ok
  for (const [name, does, load] of verbs) {
    const verb = program.command(name).description(does)
    const act: Act = async (work) => {
      exit = await work(terminal).catch((thrown: unknown) => {
        if (thrown instanceof UsageError) return verb.error(`error: ${thrown.message}`)
        throw thrown
      })
    }
    // What is not typed is only listed.
    if (args.includes(name)) (await load()).define(verb, act)
    verb.addHelpText('after', exitCodesText)
  }
  try {
    if (args.length === 0) program.outputHelp()
    else await program.parseAsync(args, { from: 'user' })
    return exit
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? Exit.ok : Exit.usage
    throw thrown
  }
}

/** Where there is no terminal, as wide as they once were. */
function helpWidthOf(output: Output): number {
  const width = widthOf(output)
  return Number.isFinite(width) ? width : 80
}

function versionOfPackage(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
  return version
}
