/** What the laptop has. Its method may run more than once for one call, so that a laptop which is closed in the middle does not lose it. */
import { setTimeout as wait } from 'node:timers/promises'
import { currentCall, Method, Remote } from '@waybill/decorators'

const days = { november: ['rain', 'rain', 'sun'], december: ['snow', 'sun'] }

@Remote({ version: '1.0.0' })
export class Notes {
  @Method({ idempotent: true })
  async sunnyDays(month: keyof typeof days): Promise<number> {
    const { once } = currentCall() // before the first await
    // Not printed again where the call comes back to somebody after this.
    await once('told', () => console.log(`counting ${month}`))
    await wait(100)
    return days[month].filter((day) => day === 'sun').length
  }
}
