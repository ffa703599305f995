/** `waybill store`: looks through the folder of a router's stored calls, or copies it; also while the router runs over it. Talks to no router. */
import { WaybillError } from '@waybill/core'
import { systemPorts } from '@waybill/core/system'
import type { CheckReport } from '@waybill/server/store'
import type { Command } from 'commander'
import { countedDisk } from '../counted-disk.js'
import { Exit } from '../exits.js'
import { tellFailure } from '../failure.js'
import { fold } from '../show/fold.js'
import { StatusLine } from '../show/line.js'
import { printable } from '../show/paint.js'
import { sizeText } from '../show/size.js'
import { printTitled } from '../show/titled.js'
import { print, remark, widthOf, type Terminal } from '../terminal.js'
import type { Act } from '../verb.js'

interface Options {
  readonly json?: true
}

const notes = `
Examples:
  waybill store check ~/.local/share/waybill/7411
  waybill store backup ~/.local/share/waybill/7411 /backup/waybill-monday

Both leave the store as it is, and the router may run meanwhile. A backup is a store
that a router starts over: waybill start --data /backup/waybill-monday. It is the
state of one moment, and to clients it is another store.`

const MARGIN = 12

export function define(verb: Command, act: Act): void {
  verb.addHelpText('after', notes)
  const sub = (name: string, description: string): Command => verb.command(name).description(description).option('--json', 'print JSON')
  sub('check <folder>', 'read all of it, and say what is damaged').action((folder: string, options: Options) =>
    act((terminal) => checked(folder, options, terminal)),
  )
  sub('backup <folder> <to>', 'copy it into a folder that is empty or new').action((folder: string, to: string, options: Options) =>
    act((terminal) => copied(folder, to, options, terminal)),
  )
}

function checked(folder: string, options: Options, terminal: Terminal): Promise<number> {
  return working('read', options, terminal, async (count) => {
    const { check, nodeDisk } = await import('@waybill/server/store')
    const disk = nodeDisk(folder)
    const report = await check(countedDisk(disk, count))
    return { isWhole: report.damaged.length === 0, form: report, tell: () => tellCheck(disk.name, report, terminal) }
  })
}

function tellCheck(name: string, { damaged, epoch, segments, records, entries, bytes, tornBytes }: CheckReport, terminal: Terminal): void {
  const width = widthOf(terminal.out)
  const facts: readonly (readonly [string, string])[] = [
    ['size', sizeText(bytes)],
    ['records', `${records} in ${counted(segments, 'segment')}, ${entries} in the snapshot`],
    ['starts', `${epoch} so far`],
    ...(tornBytes > 0 ? [['torn', `${tornBytes} bytes at the end were being written, and are no damage`] as const] : []),
  ]
  const title = damaged.length === 0 ? `${name} is whole.` : `${name} is damaged in ${counted(damaged.length, 'place')}.`
  printTitled(
    [
      printable(title),
      ...facts.flatMap(([label, text]) => fold(`  ${label.padEnd(MARGIN - 2)}${text}`, width, MARGIN)),
      ...damaged.flatMap((what) => fold(`  ${'damaged'.padEnd(MARGIN - 2)}${printable(what)}`, width, MARGIN)),
    ],
    terminal,
  )
  if (damaged.length > 0)
    remark('waybill: no router starts over it: take the last backup, or keep it as it is for whoever looks into it', terminal)
}

function copied(folder: string, target: string, options: Options, terminal: Terminal): Promise<number> {
  return working('copied', options, terminal, async (count) => {
    const { backup, nodeDisk } = await import('@waybill/server/store')
    const [disk, to] = [nodeDisk(folder), nodeDisk(target)]
    const { files, bytes } = await backup(countedDisk(disk, count), to, systemPorts.random)
    const said = `${to.name} has a copy of ${disk.name}: ${sizeText(bytes)} in ${counted(files, 'file')}, read back and whole.`
    return {
      isWhole: true,
      form: { files, bytes, to: to.name },
      tell: () => print(fold(printable(said), widthOf(terminal.out)).join('\n'), terminal),
    }
  })
}

interface Done {
  readonly isWhole: boolean
  readonly form: object
  readonly tell: () => void
}

/** Says how far it is, where somebody looks. */
async function working(
  what: string,
  { json = false }: { readonly json?: boolean },
  terminal: Terminal,
  work: (count: (bytes: number) => void) => Promise<Done>,
): Promise<number> {
  const line = new StatusLine(terminal.err)
  let bytes = 0
  const count = (more: number): void => {
    bytes += more
    if (terminal.err.isTTY === true) line.show(`${sizeText(bytes)} ${what} …`)
  }
  try {
    const { isWhole, form, tell } = await work(count)
    line.clear()
    if (json) print(JSON.stringify(form), terminal)
    else tell()
    return isWhole ? Exit.ok : Exit.damaged
  } catch (thrown) {
    line.clear()
    const error = thrown instanceof WaybillError ? thrown : new WaybillError('Forbidden', (thrown as Error).message)
    if (json) tellFailure(error, { json, ofCall: false }, terminal)
    else remark(`waybill: ${printable(error.message)}`, terminal)
    return exitOf(error)
  }
}

function exitOf({ code, details }: WaybillError): number {
  if (code === 'Damaged' || code === 'Incompatible') return Exit.damaged
  return code === 'Overloaded' && (details as { pid?: unknown } | undefined)?.pid !== undefined ? Exit.taken : Exit.failed
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
