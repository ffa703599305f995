/** The next one: `bark` must be told how often. Who asks for `^1` is not disturbed. */
import { Remote } from '@waybill/decorators'

const kennel = process.argv[2] ?? 'kennel'

@Remote({ version: '2.0.0' })
export class Dog {
  bark(times = 1): string {
    return Array.from({ length: times }, () => `${kennel} 2.0.0`).join(', ')
  }
}
