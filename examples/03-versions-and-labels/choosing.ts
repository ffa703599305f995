/** Who gets a call: ranges of versions, labels, names, keys, and policies. */
import { connect, type WaybillError } from '@waybill/client'
import type { Dog } from './dog-1.js'
import type { Dog as NextDog } from './dog-2.js'

const client = await connect(process.env['WAYBILL_URL'] ?? 'ws://127.0.0.1:7411')

console.log(`Dog@^1             ${await asked(2, () => client.remote<Dog>('Dog@^1').bark())}`)
console.log(`Dog@^2             ${await client.remote<NextDog>('Dog@^2').bark(2)}`)
const nobody = await client
  .remote<Dog>('Dog@^3')
  .bark()
  .catch(({ code }: WaybillError) => code)
console.log(`Dog@^3             ${nobody}`)

console.log(`Dog?region=eu      ${await asked(2, () => client.remote<Dog>('Dog?region=eu').bark())}`)
console.log(`Dog@^1, where: eu  ${await client.remote<Dog>('Dog@^1', { where: { region: 'eu' } }).bark()}`)
console.log(`young/Dog          ${await client.remote<Dog>('young/Dog').bark()}`)

const { bark } = client.remote<Dog>('Dog')
const ofUser = (user: string): Promise<string> => bark.with({ sticky: user })()
console.log(`sticky, one key    ${count(await asked(20, () => ofUser('ada')))} kennel`)
console.log(`sticky, 60 keys    ${count(await asked(60, (call) => ofUser(`user ${call}`)))} kennels`)

// One of two is at work.
const walk = client.remote<Dog>('old/Dog').walk(100)
await new Promise<void>((resolve) => void walk.on('started', resolve))
const one = client.remote<Dog>('Dog@^1')
console.log(`least busy         ${await asked(6, () => one.bark())}`)
console.log(`round robin        ${await asked(6, () => one.bark.with({ policy: 'roundRobin' })())}`)
const over = walk.catch(() => {})
await walk.cancel('enough')
await over

await client.close()

/** Who answered so many calls, one after the other, and how often; by name, as whose turn it is first is not promised. */
async function asked(calls: number, ask: (call: number) => Promise<string>): Promise<string> {
  const times = new Map<string, number>()
  for (let call = 1; call <= calls; call++) {
    const who = await ask(call)
    times.set(who, (times.get(who) ?? 0) + 1)
  }
  return Array.from(times, ([who, often]) => `${who}: ${often}`)
    .toSorted()
    .join(', ')
}

function count(answers: string): number {
  return answers.split(', ').length
}
