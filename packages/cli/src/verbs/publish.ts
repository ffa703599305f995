/** `waybill publish`: one event. */
import type { Client, StoredEvent } from '@waybill/client'
import { WaybillError } from '@waybill/core'
import type { Command } from 'commander'
import { Exit } from '../exits.js'
import { tellFailure } from '../failure.js'
import { addPlaceOptions, type PlaceOptions } from '../place.js'
import { readInput } from '../input.js'
import { readTopic } from '../request.js'
import { roundTrip, withRouter } from '../router.js'
import { print, type Terminal } from '../terminal.js'
import type { Act } from '../verb.js'

const examples = `
Examples:
  waybill publish dog.barked hello
  waybill publish dog.barked '{"phrase":"hello"}'
  waybill publish dog.barked hello --durable

A value is JSON where it parses as JSON, else text; @file, -, bytes:@file and bytes:-
are what they are in \`waybill call --help\`. Whoever subscribes at this moment
gets it; nothing is kept. With --durable the router stores it first and says its id.`

interface Options extends PlaceOptions {
  readonly durable?: true
}

export function define(verb: Command, act: Act): void {
  addPlaceOptions(
    verb
      .argument('<topic>', 'its topic, such as dog.barked')
      .argument('[value]', 'its value, JSON, text, @file or - (default: none)')
      .option('--durable', 'have the router store it, so that it can be read later')
      .option('--json', 'print {"published": …} or {"error": …}'),
  )
    .addHelpText('after', examples)
    .action((topic: string, value: string | undefined, options: Options) => act((terminal) => publishVerb(topic, value, options, terminal)))
}

async function publishVerb(text: string, valueText: string | undefined, options: Options, terminal: Terminal): Promise<number> {
  const topic = readTopic(text)
  const value = valueText === undefined ? undefined : await readInput(valueText, terminal)
  const json = options.json === true
  return withRouter(options, terminal, async (client) => {
    try {
      const stored = options.durable ? await client.publish(topic, value, { durable: true }) : await publish(client, topic, value)
      print(json ? JSON.stringify({ published: topic, ...stored }) : publishedText(topic, stored), terminal)
      return Exit.ok
    } catch (thrown) {
      tellFailure(WaybillError.from(thrown), { json, ofCall: false }, terminal)
      return Exit.failed
    }
  })
}

function publishedText(topic: string, stored: StoredEvent | void): string {
  return stored === undefined ? `published ${topic}` : `published ${topic} as #${stored.id}, stored{${stored.durability}}`
}

/** Rejects with what the router said against it. It says nothing where it takes an event, so that is known after a round trip. */
export async function publish(client: Client, topic: string, value: unknown): Promise<void> {
  let refusal: WaybillError | undefined
  const stop = client.onStatus((status) => {
    if (status.kind === 'notPublished') refusal = status.error
  })
  try {
    await client.publish(topic, value)
    await roundTrip(client)
  } finally {
    stop()
  }
  if (refusal !== undefined) throw refusal
}
