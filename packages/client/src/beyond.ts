/** What a page loads where a value first goes beyond plain JSON: documents that say more, bytes beside them, streams. */
import { beyondWith, installBeyond, richCodec } from '@waybill/core'

installBeyond(beyondWith(richCodec))

export { callerStreams } from './streams/caller.js'
