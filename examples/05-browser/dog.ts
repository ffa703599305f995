/** What the page calls: runs in Node, and calls the page that called it. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Client } from '@waybill/client'
import { currentCall, Remote } from '@waybill/decorators'
import { Growl } from './growl.js'
import type { Lawn } from './page.js'

@Remote({ name: 'Dog', version: '1.2.0' })
export class Dog {
  readonly #client: Client

  constructor(client: Client) {
    this.#client = client
  }

  bark(phrase: string): string {
    if (phrase === 'cat') throw new Growl('not that word', 42)
    void this.#client.publish('dog.barked', phrase)
    return `Yes master. I will bark ${phrase} because that is what dogs do.`
  }

  async walk(km: number): Promise<string> {
    const call = currentCall()
    for (let done = 1; done <= km; done++) {
      await wait(150, undefined, { signal: call.signal })
      call.progress({ total: km, completed: done })
    }
    return 'home'
  }

  /** Asks the lawn of whoever called. */
  async fetch(): Promise<string> {
    const lawn = this.#client.remote<Lawn>('Lawn', { on: currentCall().caller.client })
    return `the ${await lawn.find('stick')}`
  }

  /** Follows one scent and leaves another. */
  async *track(scents: AsyncIterable<string>): AsyncGenerator<string> {
    for await (const scent of scents) yield `${scent}?`
    yield 'found!'
  }
}
