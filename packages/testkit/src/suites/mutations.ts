/**
 * What a store does when a file of it is not as it was: one bit flipped, an end cut off, a file gone. Each time it must refuse, say how much it dropped, say so
 * when the record is read, or be none the worse. Never may it begin empty, or with less than there was and not a word.
 */
import { openJournal } from '@waybill/server/store'
import { asJob, VirtualDisk, type Platter } from '../disk/index.js'
import { Seeded } from '../random.js'
import { Cupboard } from './cupboard.js'

export const KINDS = ['bit', 'cut', 'gone'] as const
export type Kind = (typeof KINDS)[number]
/** `unprovable`: after a power loss the last segment ends with a whole record, and it was longer. Nothing that is left knows of that. */
export const OUTCOMES = ['refused', 'counted', 'told when read', 'harmless', 'unprovable', 'lost'] as const
/** How the process ended that the store is from. */
export const ENDS = ['closed', 'killed', 'power'] as const
export type End = (typeof ENDS)[number]
export type Outcome = (typeof OUTCOMES)[number]

export interface Mutated {
  readonly kind: Kind
  readonly file: string
  readonly outcome: Outcome
  /** For people: what was done, and what came of it. */
  readonly story: string
}

/** A store with something of everything, and what is in it. */
export interface RichStore {
  readonly platter: Platter
  readonly end: End
  readonly summary: string
  /** Of each sequence up to the last. */
  readonly history: ReadonlyMap<number, string>
}

const ports = (random: Seeded) => ({ random, soon: { onTick: asJob, afterInput: asJob } })

/** One and the same for the same seed, but for its end. */
export async function richStore(seed: number, end: End): Promise<RichStore> {
  const random = new Seeded(seed)
  const disk = new VirtualDisk({ random })
  const history = new Map([[0, '']])
  for (let start = 0; ; start++) {
    const cupboard = new Cupboard()
    const { journal } = await openJournal(disk.mount(), cupboard, { ports: ports(random), segmentBytes: 6000, snapshotBytes: 15_000 })
    cupboard.journal = journal
    for (let step = 0; step < 150; step++) {
      const id = random.whole(1, 40)
      const sequence = random.chance(0.8) ? cupboard.put(id, random.chance(0.03) ? 66_000 : random.whole(0, 400)) : cupboard.take(id)
      history.set(sequence, cupboard.summary)
      if (step % 50 === 10) await cupboard.spool(id, [500, 270_000], (spooled) => history.set(spooled, cupboard.summary))
      if (step % 3 === 0) await new Promise<void>((resolve) => journal.whenSafe(resolve))
    }
    await new Promise<void>((resolve) => journal.whenSafe(resolve))
    // What it does beside the work, it does.
    for (let turn = 0; turn < 2000; turn++) await Promise.resolve()
    const names = [...disk.platter.names.keys()]
    const isRich = (ending: string, least: number): boolean => names.filter((name) => name.endsWith(ending)).length >= least
    const { summary } = cupboard
    if (start >= 3 && isRich('.blob', 3) && isRich('.log', 4) && isRich('.snapshot', 1)) {
      if (end === 'closed') await journal.close()
      else if (end === 'killed') disk.kill()
      else {
        for (let more = 0; more < 5; more++) history.set(cupboard.put(more, 300), cupboard.summary)
        for (let turn = 0; turn < 8; turn++) await Promise.resolve()
        disk.losePower()
      }
      const platter = disk.platter.copy()
      return { platter, end, history, summary: end === 'power' ? await summaryOf(platter.copy(), random) : summary }
    }
    await journal.close()
  }
}

async function summaryOf(platter: Platter, random: Seeded): Promise<string> {
  const cupboard = new Cupboard()
  await openJournal(new VirtualDisk({ random }, platter).mount(), cupboard, { ports: ports(random) })
  return cupboard.summary
}

/** One change of one file, and what a start makes of it. */
export async function mutate({ platter, end, summary, history }: RichStore, random: Seeded, kind: Kind): Promise<Mutated> {
  const changed = platter.copy()
  const file = random.pick([...changed.names.keys()])
  const what = change(changed, file, random, kind)
  const told = (outcome: Outcome, story: string): Mutated => ({ kind, file, outcome, story: `${file}: ${what}: ${story}` })
  const disk = new VirtualDisk({ random }, changed)
  const cupboard = new Cupboard()
  let opened: Awaited<ReturnType<typeof openJournal>>
  try {
    opened = await openJournal(disk.mount(), cupboard, { ports: ports(random) })
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined
    return told(code === 'Damaged' || code === 'Incompatible' ? 'refused' : 'lost', String(thrown))
  }
  const { journal, report } = opened
  cupboard.journal = journal
  const found = cupboard.summary
  let isReadable = true
  let story = `${report.tornBytes} bytes torn`
  await cupboard.verify().catch((thrown: unknown) => {
    isReadable = false
    story = String(thrown)
  })
  await journal.close()
  if (found !== summary) {
    const isEarlier = history.get(cupboard.sequence) === found
    const isLast =
      file ===
      [...platter.names.keys()]
        .filter((name) => name.endsWith('.log'))
        .toSorted()
        .at(-1)
    const outcome = !isEarlier
      ? 'lost'
      : report.tornBytes > 0
        ? 'counted'
        : end === 'power' && kind === 'cut' && isLast
          ? 'unprovable'
          : 'lost'
    return told(outcome, `${story}, it has [${found}]`)
  }
  return told(isReadable ? 'harmless' : 'told when read', story)
}

/** Returns what it did. */
function change(platter: Platter, file: string, random: Seeded, kind: Kind): string {
  const inode = platter.names.get(file)!
  const length = inode.bytes.byteLength
  if (kind === 'gone' || length === 0) {
    platter.remove(file)
    platter.makeNamesSafe()
    return 'gone'
  }
  if (kind === 'cut') {
    const left = random.whole(0, length - 1)
    inode.cut(left)
    inode.makeSafe()
    return `cut to ${left} of ${length}`
  }
  const at = random.whole(0, length - 1)
  const bit = random.whole(0, 7)
  inode.write([Uint8Array.of(inode.bytes[at]! ^ (1 << bit))], at)
  inode.makeSafe()
  return `bit ${bit} of byte ${at}`
}
