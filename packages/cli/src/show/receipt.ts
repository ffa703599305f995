/** Owns how what is known of a stored call is shown to people: a line of what it is, then facts. Pure. */
import type { Progress, ReceiptInfo } from '@waybill/client'
import { ageText } from './age.js'
import { barText } from './bar.js'
import { fold } from './fold.js'
import { printable } from './paint.js'
import { lineText } from './value.js'

const MARGIN = 12

export function receiptText(
  receipt: ReceiptInfo,
  progress: Progress | undefined,
  nowMs: number,
  width = Number.POSITIVE_INFINITY,
): string[] {
  const { sn, client, service, method, state, storedAt, endedAt, attempts, data } = receipt
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['receipt', sn],
    ['client', client],
    ['stored', `${seconds(storedAt)}, ${ageText(Date.parse(storedAt), nowMs)} ago`],
    ['ended', endedAt && `${seconds(endedAt)}, ${ageText(Date.parse(endedAt), nowMs)} ago`],
    ['lost', attempts === 0 ? undefined : `${attempts} who took it were lost`],
    ['progress', progress && barText(progress)],
    ['data', data === undefined ? undefined : lineText(data)],
  ]
  return [
    `${printable(`${service}.${method}`)}: ${state}`,
    ...facts.flatMap(([label, text]) => (text === undefined ? [] : fold(`  ${label.padEnd(MARGIN - 2)}${printable(text)}`, width, MARGIN))),
  ]
}

function seconds(time: string): string {
  return `${time.slice(0, 19)}Z`
}
