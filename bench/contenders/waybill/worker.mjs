import { connect } from '@waybill/client'
import { Echo, echo } from './echo.mjs'

/** @param {string} url @param {number} callees @returns {Promise<string[]>} where the callees are */
export async function serve(url, callees) {
  return Promise.all(
    Array.from({ length: callees }, async (_, index) => {
      const name = `callee-${index}`
      const client = await connect(url, { name })
      await client.expose(echo, new Echo())
      return name
    }),
  )
}
