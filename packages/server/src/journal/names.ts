/** What the files of a store are called. */

/** What says that here is a store, and which. */
export const STORE = 'store'
/** How far the last segment is known to be safe. */
export const WITNESS = 'witness'
/** Ends the name of what is being written and counts for nothing until it is renamed. */
export const NEW = '.new'

export const segmentName = (number: number): string => `${digits(number)}.log`
export const snapshotName = (number: number): string => `${digits(number)}.snapshot`
/** Of what is spooled and has no number yet. */
export const spoolName = (number: number): string => `spool-${number}${NEW}`
export const blobName = (number: number): string => `${digits(number)}.blob`

export interface Names {
  readonly hasStore: boolean
  readonly hasWitness: boolean
  /** In ascending order, as the others. */
  readonly segments: readonly number[]
  readonly snapshots: readonly number[]
  readonly blobs: readonly number[]
  /** What was being written when its process ended. */
  readonly unfinished: readonly string[]
}

/** What is none of a store's files is left alone. */
export function namesOf(list: readonly string[]): Names {
  const numbers = (ending: string): readonly number[] =>
    list
      .flatMap((name) => {
        const match = /^(\d{8,15})\.(\w+)$/.exec(name)
        return match?.[2] === ending && digits(Number(match[1])) === match[1] ? [Number(match[1])] : []
      })
      .toSorted((one, other) => one - other)
  return {
    hasStore: list.includes(STORE),
    hasWitness: list.includes(WITNESS),
    segments: numbers('log'),
    snapshots: numbers('snapshot'),
    blobs: numbers('blob'),
    unfinished: list.filter((name) => name.endsWith(NEW)),
  }
}

function digits(number: number): string {
  return String(number).padStart(8, '0')
}
