/** What the kennel offers. A method may say what it takes: then wrong arguments are refused before it runs. */
import { setTimeout as wait } from 'node:timers/promises'
import { currentCall, Method, Remote } from '@waybill/decorators'
import * as z from 'zod'
import { Asleep } from './asleep.js'

@Remote({ version: '1.2.0', module: import.meta.url })
export class Dog {
  @Method({ args: [z.string('expected text')] })
  bark(phrase: string): string {
    return `Yes master. I will bark ${phrase}.`
  }

  @Method()
  async walk(km: number): Promise<string> {
    const { progress, signal } = currentCall()
    for (let done = 1; done <= km; done++) {
      await wait(150, undefined, { signal })
      progress({ total: km, completed: done, details: done < km ? 'sniffing' : 'wagging' })
    }
    return 'home'
  }

  @Method({ errors: [Asleep] })
  fetch(_thing: string): string {
    throw new Asleep('noon', 'rabbits')
  }

  @Method({ idempotent: true })
  weigh(): number {
    return 30
  }

  /** Runs in a process of its own: nothing else would end it. */
  @Method({ isolate: 'process' })
  dig(): string {
    currentCall().progress({ total: 1, completed: 0, details: process.pid })
    for (;;);
  }
}
