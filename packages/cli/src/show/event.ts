/** Owns how an event, and what is missing between events, stands on one line. Pure. */
import type { EventGap, TopicEvent } from '@waybill/client'
import { printable } from './paint.js'
import { jsonForm, lineText } from './value.js'

/** A durable one begins with its id. */
export function eventText({ id, topic, from, value }: TopicEvent<unknown>): string {
  return [...(id === undefined ? [] : [`#${id}`]), printable(topic), printable(from), lineText(value)].join('  ').trimEnd()
}

export function gapText({ missed, from, to, durable }: EventGap): string {
  if (durable) {
    if (from === undefined || to === undefined) return '--- the router has begun another log: durable events may be missing here'
    return `--- ${from === to ? `the durable event #${from} is` : `durable events from #${from} to #${to} are`} kept no longer`
  }
  if (missed === undefined) return '--- events may be missing here: the connection was lost'
  const which = from === undefined || to === undefined ? '' : from === to ? `, number ${from}` : `, between numbers ${from} and ${to}`
  return `--- ${missed} ${missed === 1 ? 'event is' : 'events are'} missing here${which}`
}

/** As plain JSON; `kind` tells them apart. */
export function eventForm(event: TopicEvent<unknown> | EventGap): Readonly<Record<string, unknown>> {
  return event.kind === 'gap' ? { ...event } : { ...event, value: jsonForm(event.value) }
}
