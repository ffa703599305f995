/** Another process, started with a serial number: waits for the result of a call that it did not make. */
import { connect } from '@waybill/client'

const client = await connect(process.env['WAYBILL_URL'] ?? 'ws://127.0.0.1:7411')
console.log(await client.receipt<string>(process.argv[2] ?? '').result())
await client.close()
