/** `waybill token`: makes, lists and revokes the tokens of a router on this machine. Talks to no router; one that uses the file notices. */
import { WaybillError } from '@waybill/core'
import { systemPorts } from '@waybill/core/system'
import type { TokenEntry } from '@waybill/server/tokens'
import type { Command } from 'commander'
import { Exit, UsageError } from '../exits.js'
import { tellFailure } from '../failure.js'
import { readDuration } from '../request.js'
import { counted } from '../show/facts.js'
import { printable } from '../show/paint.js'
import { table, type Column } from '../show/table.js'
import { printTitled } from '../show/titled.js'
import { print, remark, widthOf, type Terminal } from '../terminal.js'
import { tokensPath } from '../tokens-path.js'
import type { Act } from '../verb.js'

interface Options {
  readonly tokens?: string
  readonly expires?: string
  readonly json?: boolean
}

const notes = `
The tokens stand in $XDG_CONFIG_HOME/waybill/tokens.json, or the file that
WAYBILL_TOKENS or --tokens names; only you can read it, and it holds digests.
A router asks for them with \`waybill start --tokens\`, and notices changes by
itself: a token that is revoked or expires closes its links within a second.
To replace one while nobody goes, create another of its label, hand that out,
and revoke the old one by its id.`

export function define(verb: Command, act: Act): void {
  verb.addHelpText('after', notes)
  const sub = (name: string, description: string): Command =>
    verb.command(name).description(description).option('--tokens <file>', 'the token file').option('--json', 'print JSON')
  const told = (options: Options, work: (terminal: Terminal) => Promise<void>): Promise<void> =>
    act((terminal) => toldOf(options, terminal, work))
  sub('create <label>', 'make a token, and print it this once; who presents it is the principal <label>, which may have several')
    .option('--expires <time>', 'not good any more after so long, such as 30d')
    .action((label: string, options: Options) => told(options, (terminal) => create(label, options, terminal)))
  sub('list', 'list the tokens').action((options: Options) => told(options, (terminal) => list(options, terminal)))
  sub('revoke <label>', 'take back all tokens of a label, or the one of an id; their links end within a second').action(
    (name: string, options: Options) => told(options, (terminal) => revoke(name, options, terminal)),
  )
}

async function create(label: string, { tokens, expires, json }: Options, terminal: Terminal): Promise<void> {
  const lifeMs = expires === undefined ? undefined : readDuration(expires, '--expires')
  if (lifeMs === 0) throw new UsageError('--expires: a token is good for some time, such as 30d')
  const file = tokensPath(tokens, terminal.env)
  const { createToken, listTokens } = await import('@waybill/server/tokens')
  const { token, entry } = createToken(file, label, lifeMs === undefined ? {} : { lifeMs })
  if (json === true) return print(JSON.stringify({ ...shown(entry), token }), terminal)
  print(token, terminal)
  const until = entry.expiresMs === undefined ? 'until it is revoked' : `until ${timeText(entry.expiresMs)}`
  remark(`waybill: this is shown once. It is the principal ${label}, good ${until}; \`waybill start --tokens\` asks for it.`, terminal)
  const others = listTokens(file).filter((one) => one.label === label && one.id !== entry.id)
  if (others.length > 0)
    remark(`waybill: ${label} has ${counted(others.length, 'other token')}: ${others.map(({ id }) => id).join(' ')}`, terminal)
}

const columns: readonly Column<TokenEntry>[] = [
  { title: 'LABEL', cell: ({ label }) => label },
  { title: 'ID', cell: ({ id }) => id },
  { title: 'CREATED', cell: ({ createdMs }) => timeText(createdMs) },
  { title: 'EXPIRES', cell: (entry) => (isOver(entry) ? 'expired' : entry.expiresMs === undefined ? 'never' : timeText(entry.expiresMs)) },
]

async function list({ tokens, json }: Options, terminal: Terminal): Promise<void> {
  const file = tokensPath(tokens, terminal.env)
  const { listTokens } = await import('@waybill/server/tokens')
  const entries = listTokens(file)
  if (json === true) return print(JSON.stringify(entries.map(shown)), terminal)
  if (entries.length === 0) return remark(`No tokens in ${printable(file)}. Make one: waybill token create <label>`, terminal)
  printTitled(table(columns, entries, widthOf(terminal.out)), terminal)
}

async function revoke(name: string, { tokens, json }: Options, terminal: Terminal): Promise<void> {
  const { revokeTokens } = await import('@waybill/server/tokens')
  const entries = revokeTokens(tokensPath(tokens, terminal.env), name)
  if (json === true) print(JSON.stringify({ revoked: entries.map(shown) }), terminal)
  else for (const { label, id } of entries) remark(`waybill: the token ${id} of ${label} is not good any more`, terminal)
}

/** Without the digest, which nobody needs to see. */
function shown({ label, id, createdMs, expiresMs }: TokenEntry): object {
  const time = (ms: number): string => new Date(ms).toISOString()
  return { label, id, createdAt: time(createdMs), ...(expiresMs !== undefined && { expiresAt: time(expiresMs) }) }
}

function isOver({ expiresMs }: TokenEntry): boolean {
  return expiresMs !== undefined && expiresMs <= systemPorts.clock.wallMs()
}

function timeText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}

async function toldOf({ json = false }: Options, terminal: Terminal, work: (terminal: Terminal) => Promise<void>): Promise<number> {
  try {
    await work(terminal)
    return Exit.ok
  } catch (thrown) {
    if (thrown instanceof UsageError) throw thrown
    const error = thrown instanceof WaybillError ? thrown : new WaybillError('Forbidden', (thrown as Error).message)
    if (json) tellFailure(error, { json, ofCall: false }, terminal)
    else remark(`waybill: ${printable(error.message)}`, terminal)
    return Exit.failed
  }
}
