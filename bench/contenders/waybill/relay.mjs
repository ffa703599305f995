import { unlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRouter } from '@waybill/server'

/** @param {string} [transport] ws, tcp or unix @returns {Promise<string>} the address to connect to */
export async function open(transport = 'ws') {
  if (transport === 'tcp') return (await createRouter({ listen: false, tcp: { port: 0 } })).url
  if (transport === 'unix') return openUnix(join(tmpdir(), `waybill-bench-${process.pid}.sock`))
  return (await createRouter({ listen: { host: '127.0.0.1', port: 0 } })).url
}

/** @param {string} path the file goes with the process, which nobody closes a router in */
async function openUnix(path) {
  process.once('exit', () => unlinkSync(path))
  return (await createRouter({ listen: false, unix: path })).url
}
