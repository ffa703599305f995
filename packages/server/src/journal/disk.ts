/**
 * The port to a disk: one folder of files. Nothing that is done is safe from a power loss before the `sync` that follows it has resolved: bytes
 * before that of their file, names before that of the folder. Whoever uses a file does one thing at a time with it. Rejections are errors of the
 * system (`ENOSPC`, `EIO`), which the journal judges.
 */
export interface Disk {
  /** What the folder is called, for people. */
  readonly name: string
  /** The names in it, in no order. */
  list(): Promise<readonly string[]>
  /** For reading and writing; an empty one is made where there is none. */
  open(name: string): Promise<DiskFile>
  /** Replaces `to` where it is there, at once. */
  rename(from: string, to: string): Promise<void>
  remove(name: string): Promise<void>
  /** Makes what was created, renamed and removed safe. */
  sync(): Promise<void>
  freeBytes(): Promise<number>
  /** The folder is this process's alone until it is released or the process ends. Rejects where another one has it, and says which. */
  lock(): Promise<DiskLock>
}

export interface DiskFile {
  /** Its length. */
  readonly bytes: number
  /** Writes all of it at the offset, which is at most the length. */
  write(parts: readonly Uint8Array[], offset: number): Promise<void>
  /** Shorter than asked for at the end of the file only. */
  read(offset: number, bytes: number): Promise<Uint8Array>
  truncate(bytes: number): Promise<void>
  /** Makes what was written safe. After one that was rejected nobody knows what is. */
  sync(): Promise<void>
  close(): Promise<void>
}

export interface DiskLock {
  release(): Promise<void>
}
