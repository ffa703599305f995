/** An outbox in a folder, a file for each call: `outbox('/var/lib/orders')`. Owns the files in it whose names are serial numbers. */
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isSerialNumber } from '@waybill/core'
import type { CallOutbox, KeptCall } from './outbox.js'

export type { CallOutbox, KeptCall }

const ENDING = '.json'

export function outbox(folder: string): CallOutbox {
  /** One at a time, so that the later of two words about a call counts. */
  let last: Promise<unknown> = mkdir(folder, { recursive: true, mode: 0o700 })
  last.catch(() => {})
  const inTurn = <R>(work: () => Promise<R>): Promise<R> => {
    const turn = last.then(work, work)
    last = turn.catch(() => {})
    return turn
  }
  return {
    load: () =>
      inTurn(async () => {
        const names = (await readdir(folder)).filter((name) => name.endsWith(ENDING) && isSerialNumber(name.slice(0, -ENDING.length)))
        return Promise.all(names.map(async (name) => read(await readFile(join(folder, name), 'utf8'))))
      }),
    put: (call) =>
      inTurn(async () => {
        const path = join(folder, call.sn + ENDING)
        await using file = await open(`${path}.new`, 'w', 0o600)
        await file.writeFile(text(call))
        await file.sync()
        await rename(`${path}.new`, path)
        await sync(folder)
      }),
    remove: (sn) => inTurn(() => rm(join(folder, sn + ENDING), { force: true })),
  }
}

/** That a name is there is as safe as what it names. */
async function sync(folder: string): Promise<void> {
  await using directory = await open(folder)
  await directory.sync()
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')

function text({ body, fields, ...others }: KeptCall): string {
  return JSON.stringify({ ...others, body: base64(body), fields: base64(fields) })
}

function read(written: string): KeptCall {
  const { body, fields, ...others } = JSON.parse(written) as Omit<KeptCall, 'body' | 'fields'> & { body: string; fields: string }
  return { ...others, body: Buffer.from(body, 'base64'), fields: Buffer.from(fields, 'base64') }
}
