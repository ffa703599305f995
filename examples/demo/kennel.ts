/** A worker: hops on and offers a Dog, of either version. Where it is drained, it ends when nothing runs any longer. */
import { connect } from '@waybill/client'
import { Dog } from './dog.js'
import { Dog as NextDog } from './dog-2.js'
import { endWithParent, ready } from './stage.js'

endWithParent()
const client = await connect(process.env['WAYBILL_URL']!, { name: process.env['KENNEL']! })
client.onStatus(({ kind }) => {
  if (kind === 'drained') void client.close().then(() => process.exit())
})
const { service, version } = await client.expose(process.env['VERSION'] === '2' ? NextDog : Dog)
ready(`offers ${service} ${version}`)
