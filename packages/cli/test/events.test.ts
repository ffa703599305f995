/** How events and gaps look, and the verbs of which only the end is known: publish, after a round trip; drain, after some looks. */
import { WaybillError, type Client, type ConnectionStatus, type TopicEvent } from '@waybill/client'
import type { ClientInfo } from '@waybill/server'
import { expect, it } from 'vitest'
import { UsageError } from '../src/exits.js'
import { readPattern, readTopic } from '../src/request.js'
import { eventForm, eventText, gapText } from '../src/show/event.js'
import { drain } from '../src/verbs/drain.js'
import { publish } from '../src/verbs/publish.js'

const event: TopicEvent<unknown> = { kind: 'event', topic: 'dog.barked', from: 'kennel', value: { at: new Date(0) }, cursor: 7 }

it('a topic is one, a pattern may be', () => {
  expect([readTopic('dog.barked'), readPattern('dog.barked'), readPattern('dog.**')]).toEqual(['dog.barked', 'dog.barked', 'dog.**'])
  for (const text of ['', 'dog.*', 'a b']) expect(() => readTopic(text), text).toThrow(UsageError)
  for (const text of ['', '**.dog', 'a b']) expect(() => readPattern(text), text).toThrow(UsageError)
})

it('an event is a line, whatever it holds', () => {
  expect(eventText(event)).toBe('dog.barked  kennel  {"at":"1970-01-01T00:00:00.000Z"}')
  expect(eventText({ ...event, value: undefined })).toBe('dog.barked  kennel')
  expect(eventText({ ...event, value: 'two\nlines\u001B[2J' })).toBe(String.raw`dog.barked  kennel  "two\nlines\u001b[2J"`)
  expect(eventForm(event)).toEqual({ ...event, value: { at: '1970-01-01T00:00:00.000Z' } })
})

it('a gap says what is known of it', () => {
  expect(gapText({ kind: 'gap' })).toBe('--- events may be missing here: the connection was lost')
  expect(gapText({ kind: 'gap', missed: 1, from: 7, to: 7 })).toBe('--- 1 event is missing here, number 7')
  expect(gapText({ kind: 'gap', missed: 3, from: 7, to: 12 })).toBe('--- 3 events are missing here, between numbers 7 and 12')
  expect(gapText({ kind: 'gap', missed: 2 })).toBe('--- 2 events are missing here')
  expect(eventForm({ kind: 'gap', missed: 2 })).toEqual({ kind: 'gap', missed: 2 })
})

/** A client whose router says this of an event before it answers anything else. */
function publisher(said: readonly ConnectionStatus[]): { readonly client: Client; readonly done: string[] } {
  const done: string[] = []
  let tell = (_status: ConnectionStatus): void => {}
  const client = {
    onStatus: (listener: typeof tell) => ((tell = listener), () => void done.push('stopped listening')),
    publish: async (topic: string) => void done.push(`published ${topic}`),
    remote: () => ({ info: async () => void (said.forEach(tell), done.push('round trip')) }),
  }
  return { client: client as unknown as Client, done }
}

it('an event that nothing was said against is published', async () => {
  const { client, done } = publisher([{ kind: 'draining' }])
  await publish(client, 'dog.barked', 1)
  expect(done).toEqual(['published dog.barked', 'round trip', 'stopped listening'])
})

it('an event that was refused is not', async () => {
  const error = new WaybillError('Forbidden', 'you may not')
  const { client } = publisher([{ kind: 'notPublished', topic: 'dog.barked', error }])
  await expect(publish(client, 'dog.barked', 1)).rejects.toBe(error)
})

/** A client whose router says each of these of the kennel, one a look. */
function drainer(looks: readonly (Partial<ClientInfo> | undefined)[]): { readonly client: Client; readonly asked: string[] } {
  const asked: string[] = []
  let look = 0
  const router = {
    drain: async (name: string) => (asked.push(name), { client: 'kennel', inFlight: 9 }),
    clients: async () => {
      const found = looks[Math.min(look++, looks.length - 1)]
      return found === undefined ? [] : [{ name: 'other' }, { name: 'kennel', ...found }]
    },
  }
  return { client: { remote: () => router } as unknown as Client, asked }
}

it('a drain is asked for once, and waits for the services to be gone and the calls to end', async () => {
  const { client, asked } = drainer([
    { services: 1, inFlight: 0 },
    { services: 0, inFlight: 2 },
    { services: 0, inFlight: 0 },
  ])
  const left: string[] = []
  expect(await drain(client, 'kennel', 60_000, (text) => left.push(text))).toEqual({ kind: 'empty' })
  expect(asked).toEqual(['kennel'])
  expect(left).toEqual(['kennel is asked to take its services back', 'kennel has 2 calls left'])
})

it('a drain ends when the client has left, or when time is up', async () => {
  const ignore = (): void => {}
  expect(await drain(drainer([{ services: 0, inFlight: 1 }, undefined]).client, 'kennel', 60_000, ignore)).toEqual({ kind: 'gone' })
  expect(await drain(drainer([{ services: 0, inFlight: 1 }]).client, 'kennel', 1, ignore)).toEqual({ kind: 'late', inFlight: 1 })
})
