/** The office asks the laptop something, which may be closed, and closes itself: nobody waits. */
import { connect } from '@waybill/client'
import type { Notes } from './notes.js'

const client = await connect(process.env['WAYBILL_URL'] ?? 'ws://127.0.0.1:7411', { name: 'office' })
const notes = client.remote<Notes>('Notes@^1', { on: 'laptop', ttl: '7d' })

// The key is the office's own: asked again, it is the same call. The office is to be told the outcome, whenever it is there.
const { sunnyDays } = notes
const receipt = await sunnyDays.with({ key: 'sun in november' }).callback({ replyto: 'office' }, 'november')
console.log(`${receipt.duplicate === true ? 'It is asked already' : 'Asked'}: kept in ${receipt.durability}`)
await client.close()
