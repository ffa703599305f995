import { createRouter } from '@waybill/server'

/** @returns {Promise<string>} the address to connect to */
export async function open() {
  const router = await createRouter({ listen: { host: '127.0.0.1', port: 0 } })
  return router.url
}
