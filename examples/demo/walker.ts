/** The caller: tells the story. It knows the Dog's type and name; the kennel's code and place are nowhere in this file. */
import { connect } from '@waybill/client'
import { calls } from './chapters/calls.js'
import { death } from './chapters/death.js'
import { draining } from './chapters/draining.js'
import { groups } from './chapters/groups.js'
import { isolation } from './chapters/isolation.js'
import { stored } from './chapters/stored.js'
import { versions } from './chapters/versions.js'
import type { Dog } from './dog.js'
import { hopOn } from './hop-on.js'
import { introduce } from './show.js'
import { endAll, endWithParent, ready } from './stage.js'

endWithParent()
const client = await connect(process.env['WAYBILL_URL']!, { name: 'walker' })
const dog = client.remote<Dog>('Dog@^1')
introduce('walker', process.pid, 'knows what a Dog can do, not where')
ready('')

const kennel = await hopOn('kennel')
await calls(dog)
await stored(dog)
await isolation(dog)
await death(dog, kennel)
await versions(client)
await groups(client)
await draining(client)

await client.close()
await endAll()
process.disconnect()
