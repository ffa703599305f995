/** An exception that both sides know. With its name: what makes a page small shortens those of classes. */
import { registerError } from '@waybill/client'

export class Growl extends Error {
  readonly teeth: number

  constructor(message: string, teeth: number) {
    super(message)
    this.teeth = teeth
  }
}

registerError(Growl, 'Growl')
