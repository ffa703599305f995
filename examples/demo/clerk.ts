/** Another process of the same owner: waits for results of calls that it did not make. */
import { connect } from '@waybill/client'
import { endWithParent, ready, tell } from './stage.js'

endWithParent()
const client = await connect(process.env['WAYBILL_URL']!, { name: 'clerk' })
const heard: string[] = []
client.onPostback({
  started: () => heard.push('started'),
  progress: ({ completed }) => heard.push(`${completed} km`),
  result: (value) => tell([...heard, String(value)].join(', ')),
})
ready('writes everything down')
tell(await client.receipt<string>(process.env['SN']!).result())
