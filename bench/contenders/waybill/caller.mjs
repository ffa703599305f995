import { connect } from '@waybill/client'

/** @param {string} url @param {number} callers @param {string[]} addresses @returns {Promise<import('../../load.mjs').Call[]>} */
export async function dial(url, callers, addresses) {
  return Promise.all(
    Array.from({ length: callers }, async (_, index) => {
      const client = await connect(url, { name: `caller-${index}` })
      // One callee is found by the service's name alone; several are addressed, as the other contenders do, so that the spread is the same.
      const remotes = addresses.length === 1 ? [client.remote('Echo')] : addresses.map((on) => client.remote('Echo', { on }))
      return (callee, phrase) => remotes[callee].echo(phrase)
    }),
  )
}
