/** `waybill mailbox`: what waits for whom: calls for services that nobody offers, and outcomes for clients that are away. */
import { systemPorts } from '@waybill/core/system'
import type { RouterApi, Waiting } from '@waybill/server'
import type { Command } from 'commander'
import { listing } from '../listing.js'
import { addPlaceOptions, type PlaceOptions } from '../place.js'
import { ageText } from '../show/age.js'
import { sizeText } from '../show/size.js'
import type { Column } from '../show/table.js'
import type { Terminal } from '../terminal.js'
import type { Act } from '../verb.js'

interface Options extends PlaceOptions {
  readonly everyone?: true
}

const columns: readonly Column<Waiting>[] = [
  { title: 'WAITS FOR', cell: ({ waitsFor }) => waitsFor },
  { title: 'WHAT', cell: ({ kind }) => kind },
  { title: 'COUNT', cell: ({ count }) => `${count}`, right: true },
  { title: 'SIZE', cell: ({ bytes }) => sizeText(bytes), right: true },
  { title: 'OLDEST', cell: ({ oldestAt }) => ageText(Date.parse(oldestAt), systemPorts.clock.wallMs()), right: true },
]

const notes = `
Examples:
  waybill mailbox
  waybill mailbox kennel

Calls wait for somebody who offers their service, outcomes for the client that was
named to be told of them (\`replyto\`). Each goes as soon as that one hops on.`

export function define(verb: Command, act: Act): void {
  addPlaceOptions(
    verb
      .argument('[client]', 'only what waits for this client')
      .option('--everyone', 'also what is of other principals; asks for the right to operate')
      .option('--json', 'print JSON'),
  )
    .addHelpText('after', notes)
    .action((client: string | undefined, options: Options) => act((terminal) => mailbox(client, options, terminal)))
}

function mailbox(client: string | undefined, options: Options, terminal: Terminal): Promise<number> {
  const isMeant = ({ waitsFor }: Waiting): boolean => client === undefined || waitsFor === client || waitsFor.startsWith(`${client}/`)
  return listing(
    options,
    {
      columns,
      empty: client === undefined ? 'Nothing waits for anybody who is away.' : `Nothing waits for ${client}.`,
      rows: async (connected) => {
        const query = options.everyone === true ? { everyone: true } : {}
        return (await connected.remote<RouterApi>('waybill.Router').mailbox(query)).filter(isMeant)
      },
    },
    terminal,
  )
}
