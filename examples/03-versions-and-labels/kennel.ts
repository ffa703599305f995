/** `kennel.js <name> <1 or 2> <region>`: offers a Dog of that version. Where it is drained, it ends when nothing runs any longer. */
import { connect } from '@waybill/client'
import { Dog } from './dog-1.js'
import { Dog as NextDog } from './dog-2.js'

const [name = 'kennel', version = '1', region = 'eu'] = process.argv.slice(2)
const client = await connect(process.env['WAYBILL_URL'] ?? 'ws://127.0.0.1:7411', { name, labels: { region } })
client.onStatus(({ kind }) => {
  if (kind === 'draining') console.log('takes no new calls')
  if (kind === 'drained') void client.close()
})
const exposed = await client.expose(version === '2' ? new NextDog() : new Dog())
console.log(`${name} offers ${exposed.service} ${exposed.version} in ${region}`)
await client.closed
console.log('is empty and ends')
