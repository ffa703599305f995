/** The old version goes: what runs on it ends on it, what is new goes to the other one. */
import type { Client } from '@waybill/client'
import type { Dog } from '../dog.js'
import { chapter, code, note, result } from '../show.js'

export async function draining(client: Client): Promise<void> {
  const router = client.remote<{ drain(client: string): { readonly inFlight: number } }>('waybill.Router')
  await chapter('The old version is drained, and no call is lost', "const walk = client.remote<Dog>('Dog@^1').walk(6)")
  const walk = client.remote<Dog>('Dog@^1').walk(6)
  await new Promise<void>((resolve) => void walk.on('started', resolve))
  code("await router.drain('kennel2') // or SIGTERM")
  const { inFlight } = await router.drain('kennel2')
  note(`${inFlight} call still runs there; it takes no new ones`)
  code("await client.remote<Dog>('Dog').weigh()")
  result(`${await client.remote<Dog>('Dog').weigh()} kg, so version 2 weighed it`)
  code('await walk')
  result(await walk)
}
