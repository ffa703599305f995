/** The office is open again: it is told what it was owed, and looks at how that came about. */
import { connect } from '@waybill/client'

const client = await connect(process.env['WAYBILL_URL'] ?? 'ws://127.0.0.1:7411', { name: 'office' })
const sn = await new Promise<string>((resolve) => {
  client.onPostback({
    result: (value, receipt) => {
      console.log(`sunny days in november: ${String(value)}`)
      resolve(receipt.sn)
    },
  })
})
const [receipt] = await client.receipts({ sn })
for (const { step, callee } of receipt?.history ?? []) console.log(callee === undefined ? step : `${step} to ${callee}`)
await client.close()
