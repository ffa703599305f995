/** Name and type of an event in one value, for those who publish it and those who listen. */
import { topic } from '@waybill/client'

export interface Bark {
  readonly phrase: string
  readonly loud: boolean
}

export const barked = topic<Bark>('dog.barked')

/** Stored by the router before anybody gets it, and kept for whoever comes later. */
export const walked = topic<{ readonly km: number }>('diary.walked', { durable: true })
