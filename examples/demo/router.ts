/** The process in the middle. */
import { createRouter } from '@waybill/server'
import { endWithParent, tellParent } from './stage.js'

endWithParent()
const { url } = await createRouter({ listen: { port: 0 } })
tellParent({ kind: 'ready', text: url! })
