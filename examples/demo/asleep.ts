/** An error that both sides know: it arrives as this class, with its fields. */
import { registerError } from '@waybill/client'

export class Asleep extends Error {
  override readonly name = 'Asleep'
  readonly until: string
  readonly dream: string

  constructor(until: string, dream: string) {
    super(`the dog sleeps until ${until}`)
    this.until = until
    this.dream = dream
  }
}

registerError(Asleep)
