/** What must hold of parcels over HTTP whatever was killed: looks at what each side wrote down, and at what receipts say in the end. */

/** By a receiver, before anything else follows from it. */
export type ReceiverLine =
  /** What it will answer. */
  | { readonly e: 'took'; readonly id: string; readonly sn: string; readonly value: string }
  /** The router said that it has the answer. */
  | { readonly e: 'answered'; readonly id: string; readonly sn: string; readonly value: string }
  | { readonly e: 'refused'; readonly id: string; readonly sn: string; readonly status: number }

/** Of a parcel whose dispatch was acknowledged. */
export interface SentParcel {
  readonly sn: string
  /** What its receipt says in the end; undefined where it has not ended, or is not there. */
  readonly result: string | undefined
  /** What its sender was told; undefined: nothing. */
  readonly told: string | undefined
}

/** A sentence for each thing that must not be. */
export function parcelViolations(sent: readonly SentParcel[], lines: readonly ReceiverLine[]): readonly string[] {
  const found: string[] = []
  const given = new Map<string, Set<string>>()
  const accepted = new Map<string, Set<string>>()
  for (const line of lines) {
    if (line.e === 'refused') continue
    const values = line.e === 'took' ? given : accepted
    values.set(line.sn, (values.get(line.sn) ?? new Set()).add(line.value))
  }
  const keys = new Set(sent.map(({ sn }) => sn))
  if (keys.size !== sent.length) found.push(`${sent.length} parcels have ${keys.size} receipts`)
  for (const { sn, result, told } of sent) {
    const values = accepted.get(sn)
    if (result === undefined) found.push(`${sn} is lost: it was acknowledged, and has no end`)
    else if (given.get(sn)?.has(result) !== true) found.push(`${sn} has the result ${JSON.stringify(result)}, which nobody gave`)
    if ((values?.size ?? 0) > 1) found.push(`${sn} was answered twice: ${[...values!].join(' and ')}`)
    if (values !== undefined && result !== undefined && !values.has(result))
      found.push(`${sn} has the result ${JSON.stringify(result)}, and ${[...values].join(' and ')} was accepted`)
    if (told !== result) found.push(`the sender of ${sn} was told ${JSON.stringify(told)} of ${JSON.stringify(result)}`)
  }
  return found
}
