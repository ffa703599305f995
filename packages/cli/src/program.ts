/** Owns the command as a whole: its verbs, its help, and how a run ends in an exit code. */
import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { Exit, exitCodesText, UsageError } from './exits.js'
import { environmentText } from './place.js'
import { addCall } from './verbs/call.js'
import { addClients } from './verbs/clients.js'
import { addDescribe } from './verbs/describe.js'
import { addDrain } from './verbs/drain.js'
import { addEvents } from './verbs/events.js'
import { addPing } from './verbs/ping.js'
import { addPublish } from './verbs/publish.js'
import { addReceipt } from './verbs/receipt.js'
import { addReceipts } from './verbs/receipts.js'
import { addServices } from './verbs/services.js'
import { addStart } from './verbs/start.js'
import { addStatus } from './verbs/status.js'
import { addToken } from './verbs/token.js'

/** In the order of the help. */
const verbs = [
  addStart,
  addStatus,
  addCall,
  addReceipts,
  addReceipt,
  addServices,
  addDescribe,
  addClients,
  addPing,
  addEvents,
  addPublish,
  addDrain,
  addToken,
]

const example = `
Example, in three terminals:
  waybill start                  # the router, at port 7411
  node kennel.js                 # connects, exposes a Dog
  waybill call Dog.bark hello    # calls it`

/** Runs the command with these arguments and resolves to its exit code. Prints; does not exit. */
export async function run(args: readonly string[]): Promise<number> {
  const program = new Command('waybill')
    .description('Call methods of processes anywhere, through a router.')
    .version(versionOfPackage(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [verb]', 'print help for a verb')
    .enablePositionalOptions()
    .showHelpAfterError('(--help says more)')
    .usage('<verb> [options]')
    .configureHelp({ subcommandTerm: (verb) => verb.name() })
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'waybill: ')) })
    .exitOverride()
    .addHelpText('after', `${example}\n${environmentText}\n${exitCodesText}`)
  let exit: number = Exit.ok
  for (const add of verbs) {
    const verb: Command = add(program, async (running) => {
      exit = await running.catch((thrown: unknown) => {
        if (thrown instanceof UsageError) return verb.error(`error: ${thrown.message}`)
        throw thrown
      })
    })
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

function versionOfPackage(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
  return version
}
