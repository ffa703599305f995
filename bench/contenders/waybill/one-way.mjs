import { connect, service } from '@waybill/client'
import * as z from 'zod'

const log = service('Log@1.0.0', { note: { args: [z.string()] } })

/** @param {string} url */
export async function receive(url, run) {
  const client = await connect(url, { name: 'log' })
  await client.expose(log, { note: run })
}

/** @param {string} url @returns {Promise<(phrase: string) => Promise<boolean>>} */
export async function sender(url) {
  const client = await connect(url, { name: 'caller' })
  const { note } = client.remote(log)
  return async (phrase) => {
    try {
      await note.send(phrase)
      return true
    } catch (error) {
      if (error.code !== 'Overloaded') throw error
      return false
    }
  }
}
