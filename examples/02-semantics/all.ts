/** The same call to every instance. Needs three: rex is quick, ace is slow, zoe is slow and counts otherwise. */
import { connect, type WaybillError } from '@waybill/client'
import type { Dog } from './dog.js'

const client = await connect(process.env['WAYBILL_URL'] ?? 'ws://127.0.0.1:7411')
const { count } = client.remote<Dog>('Dog@^1')

/** Answers come in no promised order. */
const sorted = (results: ReadonlyMap<string, number>): string =>
  Array.from(results, ([from, value]) => `${from}: ${value}`)
    .toSorted()
    .join(', ')

const everybody = await count.all()
console.log(`all     ${sorted(everybody.results)}`)

const first = await count.with({ first: true }).all()
console.log(`first   ${sorted(first.results)}`)

const quorum = await count.with({ quorum: 2 }).all()
console.log(`quorum  ${sorted(quorum.results)}`)

// Asks one; where that one says nothing for 100 ms, also the next one.
const hedged = await count.with({ hedge: 100 }).all()
console.log(`hedge   ${hedged.results.size} answer`)

const asked = count.with({ quorum: 3 }).all()
const none = await asked.then(
  () => 'they agree',
  ({ code }: WaybillError) => code,
)
console.log(`quorum of 3: ${none}`)

await client.close()
