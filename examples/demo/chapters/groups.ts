/** One call to every instance. */
import type { Client } from '@waybill/client'
import type { Dog } from '../dog.js'
import { hopOn } from '../hop-on.js'
import { chapter, code, result } from '../show.js'

export async function groups(client: Client): Promise<void> {
  const { weigh } = client.remote<Pick<Dog, 'weigh'>>('Dog')
  await chapter('Everybody is asked: all, a quorum, the first, a hedge')
  await hopOn('island', '2')
  code("const { weigh } = client.remote<Dog>('Dog') // any", 'await weigh.all()')
  result(told(await weigh.all()))
  code('await weigh.with({ quorum: 2 }).all()')
  result(told(await weigh.with({ quorum: 2 }).all()))
  code('await weigh.with({ first: true }).all()')
  result(told(await weigh.with({ first: true }).all()))
  code("await weigh.with({ hedge: '50ms' }).all()")
  const { results } = await weigh.with({ hedge: '50ms' }).all()
  result(`${results.size} answer; who is slow gets company after 50 ms`)
}

/** By name, as answers come in no promised order. */
function told({ results }: { readonly results: ReadonlyMap<string, number> }): string {
  return Array.from(results, ([from, kg]) => `${from} ${kg} kg`)
    .toSorted()
    .join(', ')
}
