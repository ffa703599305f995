/** A worker: hops on and offers a Dog. */
import { connect } from '@waybill/client'
import { Dog } from './dog.js'
import { endWithParent, tellParent } from './stage.js'

endWithParent()
const client = await connect(process.env['WAYBILL_URL']!, { name: process.env['KENNEL']! })
const { service, version, methods } = await client.expose(new Dog())
tellParent({ kind: 'ready', text: `${service} ${version}: ${methods.join(' ')}` })
