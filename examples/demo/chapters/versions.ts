/** Two versions of one class, each for those who ask for it. */
import type { Client } from '@waybill/client'
import type { Dog } from '../dog.js'
import type { Dog as NextDog } from '../dog-2.js'
import { hopOn } from '../hop-on.js'
import { chapter, code, result } from '../show.js'

export async function versions(client: Client): Promise<void> {
  await chapter('Two versions side by side, each with its own type')
  await hopOn('cottage', '2')
  code("await client.remote<Dog>('Dog@^1').bark('hello')")
  result(await client.remote<Dog>('Dog@^1').bark('hello'))
  code("const next = client.remote<NextDog>('Dog@^2')", "await next.bark({ phrase: 'hello', times: 3 })")
  result(await client.remote<NextDog>('Dog@^2').bark({ phrase: 'hello', times: 3 }))
}
