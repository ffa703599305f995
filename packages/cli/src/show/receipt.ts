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
  const { sn, client, service, method, state, storedAt, endedAt, expiresAt, attempts, key, data, redriveOf, redrivenAs } = receipt
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['receipt', sn],
    ['client', client],
    ['key', key],
    ['stored', `${seconds(storedAt)}, ${ageText(Date.parse(storedAt), nowMs)} ago`],
    ['ended', endedAt && `${seconds(endedAt)}, ${ageText(Date.parse(endedAt), nowMs)} ago`],
    ['expires', expiresAt && `${seconds(expiresAt)}, ${ageText(nowMs, Date.parse(expiresAt))} from now`],
    ['with', endedAt === undefined ? holderText(receipt) : undefined],
    ['why', whyText(receipt)],
    ['try of', redriveOf],
    ['again as', redrivenAs],
    ['lost', attempts === 0 ? undefined : `${attempts} who took it were lost`],
    ['progress', progress && barText(progress)],
    ['data', data === undefined ? undefined : lineText(data)],
  ]
  return [
    `${printable(`${service}.${method}`)}: ${state}`,
    ...[...facts, ...historyOf(receipt)].flatMap(([label, text]) =>
      text === undefined ? [] : fold(`  ${label.padEnd(MARGIN - 2)}${printable(text)}`, width, MARGIN),
    ),
  ]
}

function holderText({ callee, away }: ReceiptInfo): string | undefined {
  return away === true ? `${callee}, which is away and is waited for` : callee
}

function whyText({ code, message }: ReceiptInfo): string | undefined {
  return code === undefined ? undefined : `${code}: ${message}`
}

/** Each step below the other, with the time since the one before. */
function historyOf({ history = [] }: ReceiptInfo): (readonly [string, string])[] {
  return history.map(({ step, at, callee }, index) => {
    const before = history[index - 1]
    const what = step === 'back' ? 'not done there' : callee === undefined ? step : `${step} to ${callee}`
    const later = before === undefined ? '' : `, ${laterText(Date.parse(at) - Date.parse(before.at))}`
    return [index === 0 ? 'history' : '', what + later]
  })
}

function laterText(ms: number): string {
  return ms < 1000 ? `${Math.max(0, ms)} ms later` : `${ageText(0, ms)} later`
}

function seconds(time: string): string {
  return `${time.slice(0, 19)}Z`
}
