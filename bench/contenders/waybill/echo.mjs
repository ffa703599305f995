// The service, as a user declares it without decorators: its one argument is checked by a schema at the callee.
import { service } from '@waybill/client'
import * as z from 'zod'

export class Echo {
  /** @param {string} phrase */
  echo(phrase) {
    return phrase
  }
}

export const echo = service('Echo@1.0.0', { echo: { args: [z.string()] } })
