/** An outbox in a page's IndexedDB, for all pages of its origin: `outbox('orders')`. Owns the database. */
import type { CallOutbox, KeptCall } from './outbox.js'

export type { CallOutbox, KeptCall }

const CALLS = 'calls'

export function outbox(name: string): CallOutbox {
  let opening: Promise<IDBDatabase> | undefined
  const open = (): Promise<IDBDatabase> => {
    const request = indexedDB.open(`waybill-${name}`, 1)
    request.onupgradeneeded = () => void request.result.createObjectStore(CALLS, { keyPath: 'sn' })
    return settled(request)
  }
  const transaction = async <R>(mode: IDBTransactionMode, work: (calls: IDBObjectStore) => IDBRequest<R>): Promise<R> => {
    // The next who asks tries again where it failed.
    opening ??= open().catch((thrown: unknown) => {
      opening = undefined
      throw thrown
    })
    const under = (await opening).transaction(CALLS, mode, { durability: 'strict' })
    const request = work(under.objectStore(CALLS))
    await new Promise<void>((resolve, reject) => {
      under.oncomplete = () => resolve()
      under.onabort = () => reject(under.error ?? new Error('the database gave it up'))
    })
    return request.result
  }
  return {
    load: () => transaction('readonly', (calls) => calls.getAll() as IDBRequest<KeptCall[]>),
    put: async (call) => void (await transaction('readwrite', (calls) => calls.put(call))),
    remove: (sn) => transaction('readwrite', (calls) => calls.delete(sn)),
  }
}

function settled<R>(request: IDBRequest<R>): Promise<R> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error ?? new Error('the database cannot be opened'))
  })
}
