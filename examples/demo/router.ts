/** The process in the middle. */
import { createRouter } from '@waybill/server'
import { endWithParent, ready } from './stage.js'

endWithParent()
const { url } = await createRouter({ listen: { port: 0 } })
ready(url!)
