/** What the workers of the harness offer: one thing in two classes. Also how much of a body is worth checking. */
import { service } from '@waybill/client'
import type { Class } from './lines.js'
import { crc32 } from 'node:zlib'

export interface Work {
  /** How long it takes. */
  readonly ms: number
  readonly throws: boolean
  readonly key?: string
  readonly body: string | Uint8Array
}

export interface Worker {
  /** Says which process ran it, and which of its runs it was. */
  run(work: Work): Promise<string>
}

/** What a worker may have at a time, so also what it can take with it when it dies. */
export const CONCURRENCY = 16

export const services = {
  once: service<Worker>('Once@1.0.0', { run: { concurrency: CONCURRENCY } }),
  again: service<Worker>('Again@1.0.0', { run: { concurrency: CONCURRENCY, idempotent: true } }),
} as const

export const ADDRESSES: Readonly<Record<Class, string>> = { once: 'Once', again: 'Again', nobody: 'Nobody' }

export function sumOf(body: Work['body']): number {
  return crc32(body)
}
