/** The version that everybody uses. */
import { setTimeout as wait } from 'node:timers/promises'
import { currentCall, Remote } from '@waybill/decorators'

const kennel = process.argv[2] ?? 'kennel'

@Remote({ version: '1.4.0' })
export class Dog {
  bark(): string {
    return `${kennel} 1.4.0`
  }

  async walk(km: number): Promise<string> {
    const { signal } = currentCall()
    for (let done = 1; done <= km; done++) await wait(100, undefined, { signal })
    return `home, from ${kennel} 1.4.0`
  }
}
