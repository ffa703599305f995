/** Writes down what must not be lost, and reads it as somebody who comes later, twice: the second one goes on where the first has stopped. */
import { connect } from '@waybill/client'
import { walked } from './barks.js'

const client = await connect(process.env['WAYBILL_URL'] ?? 'ws://127.0.0.1:7411', { name: 'diary' })

for (const km of [3, 5, 8]) {
  const { id, durability } = await client.publish(walked, { km }) // resolves when the router has stored it
  console.log(`walk ${id} is stored{${durability}}`)
}

/** Under the name of a cursor the router keeps how far its reader has come. */
async function read(reader: string, most: number): Promise<void> {
  const walks = client.events(walked, { cursor: 'walks' })
  for await (const event of walks) {
    if (event.kind === 'gap') console.log('some walks are kept no longer')
    else console.log(`${reader}: ${event.value.km} km`)
    if (--most === 0) {
      walks.taken() // else this one counts as read when the next is asked for
      break
    }
  }
}

await read('the first reader', 2)
await read('the second reader', 1)

await client.close()
