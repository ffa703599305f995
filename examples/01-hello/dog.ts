/** A class like any other, but for `@Remote`: its public methods can be called from other processes. */
import { setTimeout as wait } from 'node:timers/promises'
import { currentCall, Remote } from '@waybill/decorators'

@Remote({ version: '1.2.0' })
export class Dog {
  bark(phrase: string): string {
    return `Yes master. I will bark ${phrase} because that is what dogs do.`
  }

  async walk(km: number): Promise<string> {
    const call = currentCall() // before the first await
    for (let done = 1; done <= km; done++) {
      await wait(200, undefined, { signal: call.signal }) // a cancelled call ends here
      call.progress({ total: km, completed: done, details: 'sniffing' })
    }
    return 'home'
  }
}
