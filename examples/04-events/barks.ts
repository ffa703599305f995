/** Name and type of an event in one value, for those who publish it and those who listen. */
import { topic } from '@waybill/client'

export interface Bark {
  readonly phrase: string
  readonly loud: boolean
}

export const barked = topic<Bark>('dog.barked')
