/** A process of many clients that only want to be there: says how often one of them has come, whenever that changes. */
import process from 'node:process'
import { connect } from '@waybill/client'
import { given } from './joining.js'

const { url, clients = 1000 } = given()
let came = 0

function tell(): void {
  came++
  process.send!(came)
}

/** So many at a time, as each rejects where it is not let in within its timeout. */
const AT_ONCE = 50
for (let from = 0; from < clients; from += AT_ONCE) {
  const joining = Array.from({ length: Math.min(AT_ONCE, clients - from) }, async () => {
    const client = await connect(url, { timeout: '60s' })
    tell()
    client.onStatus(({ kind }) => {
      if (kind === 'connected') tell()
    })
  })
  await Promise.all(joining)
}
