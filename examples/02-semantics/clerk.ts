/** Another client: is told what becomes of calls that others made. Ends with the first result. */
import { connect } from '@waybill/client'

const client = await connect(process.env['WAYBILL_URL'] ?? 'ws://127.0.0.1:7411', { name: 'clerk' })
client.onPostback({
  progress: ({ completed }) => console.log(`${completed} km so far`),
  result: (value) => {
    console.log(value)
    void client.close()
  },
})
console.log('The clerk listens.')
