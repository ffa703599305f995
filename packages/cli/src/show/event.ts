/** Owns how an event, and what is missing between events, stands on one line. Pure. */
import type { EventGap, TopicEvent } from '@waybill/client'
import { printable } from './paint.js'
import { jsonForm, lineText } from './value.js'

export function eventText({ topic, from, value }: TopicEvent<unknown>): string {
  return [printable(topic), printable(from), lineText(value)].join('  ').trimEnd()
}

export function gapText({ missed, from, to }: EventGap): string {
  if (missed === undefined) return '--- events may be missing here: the connection was lost'
  const which = from === undefined || to === undefined ? '' : from === to ? `, number ${from}` : `, between numbers ${from} and ${to}`
  return `--- ${missed} ${missed === 1 ? 'event is' : 'events are'} missing here${which}`
}

/** As plain JSON; `kind` tells them apart. */
export function eventForm(event: TopicEvent<unknown> | EventGap): Readonly<Record<string, unknown>> {
  return event.kind === 'gap' ? { ...event } : { ...event, value: jsonForm(event.value) }
}
