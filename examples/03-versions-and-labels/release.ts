/** A release: the old version is drained while a call runs on it. The call ends there; new ones go to the next version at once. */
import { connect, type WaybillError } from '@waybill/client'
import type { Dog } from './dog-1.js'

interface Router {
  drain(client: string): { readonly inFlight: number }
}

const client = await connect(process.env['WAYBILL_URL'] ?? 'ws://127.0.0.1:7411')
const router = client.remote<Router>('waybill.Router')
const { bark } = client.remote<Pick<Dog, 'bark'>>('Dog') // any version

const walk = client.remote<Dog>('old/Dog@^1').walk(8)
await new Promise<void>((resolve) => void walk.on('started', resolve))
for (const name of ['old', 'young']) {
  const { inFlight } = await router.drain(name)
  console.log(`${name} is drained, ${inFlight} running`)
}
for (let call = 1; call <= 3; call++) console.log(`a new call: ${await bark()}`)
const nobody = await client
  .remote<Dog>('Dog@^1')
  .bark()
  .catch(({ code, executed }: WaybillError) => `${code}, executed: ${executed}`)
console.log(`Dog@^1: ${nobody}`)
console.log(`the walk: ${await walk}`)

await client.close()
