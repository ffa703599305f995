/** The next version: `bark` takes something else, and the scales are better. Whoever asks for `^1` never meets it. */
import { setTimeout as wait } from 'node:timers/promises'
import { Method, Remote } from '@waybill/decorators'

@Remote({ version: '2.0.0' })
export class Dog {
  @Method()
  bark({ phrase, times }: { readonly phrase: string; readonly times: number }): string {
    return `${Array.from({ length: times }, () => phrase).join(', ')}!`
  }

  @Method({ idempotent: true })
  async weigh(): Promise<number> {
    await wait(200)
    return 31
  }
}
