/**
 * One process at a time, without a lock that somebody could leave behind. Whoever wants the folder puts a sign of its own there, which is alive as long as
 * its process is, and looks who else has one: it has the folder once it has seen no other that is alive while its own was there. So of two that come at
 * the same time, the later to put its sign sees the other. No two ever use the same sign, so one that is dead may be removed by anybody at any time.
 */
import { WaybillError } from '@waybill/core'
import type { DiskLock } from './disk.js'

/** What signs are made of. */
export interface Signs {
  /** What the folder is called, for people. */
  readonly name: string
  readonly pid: number
  /** A name as `SIGN` says that nobody else takes. */
  mint(): string
  list(): Promise<readonly string[]>
  /** There, and alive, once it resolves. */
  put(sign: string): Promise<DiskLock>
  isAlive(sign: string): Promise<boolean>
  remove(sign: string): Promise<void>
}

/** With the number of the process. */
export const SIGN = /^lock-(\d{1,10})-[0-9a-f]{16}$/
/** Whoever only asks too has gone or won long before. */
const MOST_LOOKS = 200

/** Rejects `Overloaded` where another one has it. */
export async function takeLock(signs: Signs): Promise<DiskLock> {
  let looks = MOST_LOOKS
  for (;;) {
    const own = signs.mint()
    const lock = await signs.put(own)
    let other: string | undefined
    try {
      // Of those that only ask, the first by name stays and the others give way to it.
      do other = await firstOther(own, signs)
      while (other !== undefined && other > own && --looks > 0)
    } catch (thrown) {
      await lock.release()
      throw thrown
    }
    if (other === undefined) return lock
    await lock.release()
    while (looks-- > 0 && (await signs.isAlive(other)));
    if (looks <= 0) throw isTaken(signs, Number(SIGN.exec(other)![1]))
  }
}

async function firstOther(own: string, signs: Signs): Promise<string | undefined> {
  const others = (await signs.list()).filter((name) => SIGN.test(name) && name !== own).toSorted()
  for (const other of others) {
    if (await signs.isAlive(other)) return other
    await signs.remove(other)
  }
  return undefined
}

function isTaken({ name, pid: own }: Signs, pid: number): WaybillError {
  const where = pid === own ? `this process (${pid})` : `process ${pid}`
  return new WaybillError('Overloaded', `the store ${name} is open in ${where}, and only one can have it`, { details: { pid } })
}
