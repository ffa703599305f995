/** What a caller may say beside the arguments, and what a class may say of its methods. */
import { setTimeout as wait } from 'node:timers/promises'
import { connect, functions, type WaybillError } from '@waybill/client'
import type { Dog } from './dog.js'
import * as tricks from './tricks.js'

const client = await connect(process.env['WAYBILL_URL'] ?? 'ws://127.0.0.1:7411')
const dog = client.remote<Dog>('Dog@^1')
const why = ({ code, executed }: WaybillError): string => `${code}, executed: ${executed}`

const early = client.remote<typeof tricks>('Tricks@^1', { ttl: '10s' }).twice('sit')
await client.expose(functions('Tricks@1.0.0', tricks))
console.log(`ttl: it was called before it was there: ${await early}`)
const nobody = client.remote<{ meow(): string }>('Cat', { ttl: '200ms' }).meow()
console.log(`ttl: nobody came: ${await nobody.catch(why)}`)
console.log(`functions: ${await client.remote<typeof tricks>('Tricks@^1').backwards('tis')}`)

console.log(`data: ${await dog.bark.with({ data: { trace: 't1' }, on: 'rex' })('hello')}`)
console.log(`named: ${await dog.walk.with({ named: { leash: 'long' } })(1)}`)
console.log(`constructor: ${await client.remote<Dog>('Dog@^1', { construct: ['Laika'] }).walk(1)}`)

const order: string[] = []
const turn = (km: number): Promise<string> => {
  const walk = dog.walk.with({ orderKey: 'one leash' })(km)
  return walk.on('started', () => order.push(`${km} begins`)).on('result', () => order.push(`${km} ends`))
}
await Promise.all([turn(3), turn(2), turn(1)])
console.log(`orderKey: ${order.join(', ')}`)

console.log(`guard: ${await dog.feed(2)}`)
console.log(`guard: ${await dog.feed(9).catch(why)}`)

const digging = dog.dig()
const pid = await new Promise<number>((resolve) => void digging.on('progress', ({ details }) => resolve(details as number)))
console.log(`isolate: it runs in a process of its own: ${isAlive(pid)}`)
await digging.cancel('enough')
const outcome = await digging.catch(why)
// On a busy machine a process takes a moment to end.
for (let tries = 0; tries < 50 && isAlive(pid); tries++) await wait(100)
console.log(`isolate: ${outcome}; its process runs: ${isAlive(pid)}`)

await client.close()

/** Only for a process on this machine. */
function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
