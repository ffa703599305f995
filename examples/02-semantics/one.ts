/** One method in each semantics that one instance answers. */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { connect } from '@waybill/client'
import type { Dog } from './dog.js'

const client = await connect(process.env['WAYBILL_URL'] ?? 'ws://127.0.0.1:7411')
const { walk, bark } = client.remote<Dog>('Dog@^1')

console.log('synchronous, with progress')
console.log(await walk(2).on('progress', ({ completed, total }) => console.log(`  ${completed} of ${total} km`)))

console.log('asynchronous: a receipt')
const receipt = await walk.async(2)
console.log(await receipt.result())
const fetching = [fileURLToPath(new URL('fetch.js', import.meta.url)), receipt.sn]
console.log(`  another process: ${execFileSync(process.execPath, fetching, { encoding: 'utf8' }).trimEnd()}`)

console.log('prepared: its serial number is known before anything is sent')
const prepared = walk.prepare(1)
const fired = prepared.fire()
console.log(await fired, fired.sn === prepared.sn)

console.log('fire and forget: nobody answers, but rex barks')
await bark.with({ on: 'rex' }).send('at the moon')

console.log('callback: an object that is told')
await new Promise<void>((resolve) => {
  const listener = {
    progress: ({ completed }: { completed: number }) => console.log(`  ${completed} km so far`),
    result: (value: string) => resolve(console.log(value)),
  }
  void walk.callback(listener, 2)
})

console.log('callback: another client is told')
await walk.callback({ replyto: 'clerk' }, 2)

await client.close()
