/** Where the records of receipts stand, as their journal asks about one and moves it. Knows the table, and changes places alone. */
import { isSame, type Place } from './journal/journal.js'
import type { ReceiptTable } from './receipt-table.js'
import { readHead, RecordKind } from './records.js'

/** Whether the record at this place is still needed. */
export function needsAt(table: ReceiptTable, kind: number, record: Uint8Array, place: Place): boolean {
  const [ordinal, , key] = readHead(record)
  const receipt = table.byOrdinal(ordinal as number)
  switch (kind) {
    case RecordKind.stored:
      return isSame(receipt?.request, place)
    case RecordKind.ended:
      return isSame(receipt?.answer, place)
    case RecordKind.noted:
      return isSame(receipt?.notes?.get(key as string)?.place, place)
    default:
      return false
  }
}

/** It stands there from now on. */
export function moveTo(table: ReceiptTable, kind: number, record: Uint8Array, to: Place): void {
  const [ordinal, , key] = readHead(record)
  const receipt = table.byOrdinal(ordinal as number)
  if (receipt === undefined || (kind === RecordKind.ended && table.movedInArchive(receipt.ordinal, to))) return
  if (kind === RecordKind.stored && receipt.request !== undefined) receipt.request = to
  if (kind === RecordKind.ended && receipt.answer !== undefined) receipt.answer = to
  const note = kind === RecordKind.noted ? receipt.notes?.get(key as string) : undefined
  if (note !== undefined) note.place = to
}
