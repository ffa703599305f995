/**
 * The file `store`: which store this is, and what must be there beside it. Replaced as a whole and synced each time, so it is never torn; read first, and
 * believed: what it names and is not there was lost.
 *
 * ```
 * head: number = epoch, a = snapshot, b = last segment, c = its end      64  16 bytes  id that clients are told      80  u32  checksum
 * ```
 */
import { checksum } from './checksum.js'
import type { Disk } from './disk.js'
import { readWhole } from './files.js'
import { damaged, FORMAT_VERSION, HEAD_BYTES, readHead, writeHead } from './head.js'
import { NEW, STORE } from './names.js'
import { readU32, writeU32 } from './numbers.js'

const BYTES = HEAD_BYTES + 20

export interface StoreState {
  readonly version: number
  /** See `Head.files`. */
  readonly files: Uint8Array
  /** Told to clients; another one in a copy. */
  readonly store: Uint8Array
  readonly epoch: number
  /** The first segment whose records are not in the snapshot; 0: there is no snapshot. */
  readonly snapshot: number
  /** The last segment that was begun; 0: none. */
  readonly last: number
  /** Where that one ends, when it was ended; 0: it was not. */
  readonly lastEnd: number
}

export function writeStore(state: StoreState): Uint8Array {
  const bytes = new Uint8Array(BYTES)
  bytes.set(
    writeHead('store', { files: state.files, number: state.epoch, a: state.snapshot, b: state.last, c: state.lastEnd }, state.version),
  )
  bytes.set(state.store, HEAD_BYTES)
  writeU32(bytes, BYTES - 4, checksum(bytes, 0, BYTES - 4, 0))
  return bytes
}

/** Throws `Damaged`, `Incompatible`. */
export function readStore(bytes: Uint8Array): StoreState {
  const { version, files, number: epoch, a: snapshot, b: last, c: lastEnd } = readHead('store', bytes, STORE)
  if (bytes.byteLength !== BYTES) throw damaged(`${STORE} has ${bytes.byteLength} bytes instead of ${BYTES}`)
  if (readU32(bytes, BYTES - 4) !== checksum(bytes, 0, BYTES - 4, 0)) throw damaged(`the checksum of ${STORE} does not fit`)
  if (version < 1) throw damaged(`there is no version ${version} of the format`)
  return { version, files, store: bytes.slice(HEAD_BYTES, HEAD_BYTES + 16), epoch, snapshot, last, lastEnd }
}

export async function loadStore(disk: Disk): Promise<StoreState> {
  return readStore(await readWhole(disk, STORE))
}

/** Replaces it, safely; one change after another. After one that failed none will do. */
export class StoreFile {
  #state: StoreState
  #busy: Promise<void> = Promise.resolve()

  constructor(
    private readonly disk: Disk,
    state: StoreState,
  ) {
    this.#state = { ...state, version: FORMAT_VERSION }
  }

  get state(): StoreState {
    return this.#state
  }

  put(change: Partial<Omit<StoreState, 'version' | 'files' | 'store'>>): Promise<void> {
    this.#busy = this.#busy.then(() => {
      this.#state = { ...this.#state, ...change }
      return saveStore(this.disk, this.#state)
    })
    return this.#busy
  }
}

export async function saveStore(disk: Disk, state: StoreState): Promise<void> {
  const file = await disk.create(STORE + NEW)
  try {
    await file.write([writeStore(state)], 0)
    await file.sync()
  } finally {
    await file.close()
  }
  await disk.rename(STORE + NEW, STORE)
  await disk.sync()
}
