/** Runs in the browser: calls a Dog in Node, and offers a Lawn of its own that the Dog calls. */
import { connect, type ConnectionStatus } from '@waybill/client'
import { Remote } from '@waybill/decorators'
import type { Dog } from './dog.js'
import { Growl } from './growl.js'

@Remote({ name: 'Lawn', version: '1.0.0' })
export class Lawn {
  find(thing: string): string {
    say(`the dog looks for a ${thing}`)
    return `${thing} that lay on the lawn`
  }
}

const say = (line: string): void => document.querySelector('#said')!.append(`${line}\n`)
const show = ({ kind }: Pick<ConnectionStatus, 'kind'>): void => void (document.querySelector('#status')!.textContent = kind)

const client = await connect(new URLSearchParams(location.search).get('router') ?? 'ws://127.0.0.1:7411')
client.onStatus(show)
show({ kind: 'connected' })
const dog = client.remote<Dog>('Dog@^1')

const barks = client.events<string>('dog.barked')
await barks.ready
void (async () => {
  for await (const event of barks) if (event.kind === 'event') say(`heard: ${event.value}`)
})()
await client.expose(new Lawn())

async function* scents(): AsyncGenerator<string> {
  yield 'grass'
  yield 'postman'
}

say(await dog.bark('hello'))
await dog
  .bark('cat')
  .catch((error: unknown) => say(error instanceof Growl ? `growled: ${error.message}, ${error.teeth} teeth` : String(error)))
const walked = document.querySelector('progress')!
say(await dog.walk(4).on('progress', ({ completed, total }) => void (walked.value = completed / total)))
say(await dog.fetch())
for await (const trace of dog.track(scents())) say(trace)
say(`nothing is left: ${client.pending.outgoing + client.pending.incoming}`)
