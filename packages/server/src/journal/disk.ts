/**
 * The port to a disk: one folder of files. Nothing that is done is safe from a power loss before the `sync` that follows it has resolved: bytes
 * before that of their file, names before that of the folder. A sector of 512 bytes is written or not, and never a mixture. Rejections are errors of
 * the system with a `code` (`ENOSPC`, `EIO`, `ENOENT`), which the journal judges.
 */
export interface Disk {
  /** What the folder is called, for people. */
  readonly name: string
  /** The names in it, in no order; none where there is no folder. Rejects `Forbidden` where others could read or replace what is in it. */
  list(): Promise<readonly string[]>
  /** An empty file to write, whatever had its name. */
  create(name: string): Promise<DiskFile>
  /** A file that is there, for reading only. */
  open(name: string): Promise<DiskFile>
  /** Shortens a file that nobody writes to so many bytes, and makes all that stays of it safe. */
  cut(name: string, bytes: number): Promise<void>
  /** Replaces `to` where it is there, at once. */
  rename(from: string, to: string): Promise<void>
  remove(name: string): Promise<void>
  /** Makes what was created, renamed and removed safe. */
  sync(): Promise<void>
  freeBytes(): Promise<number>
  /** The folder, made where there is none, is this process's alone until it is released or the process ends. Rejects where another one has it, and
   * says which. */
  lock(): Promise<DiskLock>
}

/** Reads may go on side by side; whoever writes does one thing at a time. */
export interface DiskFile {
  /** Its length. */
  readonly bytes: number
  /** Writes all of it at the offset, which is at most the length. */
  write(parts: readonly Uint8Array[], offset: number): Promise<void>
  /** Shorter than asked for at the end of the file only. The bytes are the caller's. */
  read(offset: number, bytes: number): Promise<Uint8Array>
  /** Makes what was written safe. After one that was rejected nobody knows what is. */
  sync(): Promise<void>
  close(): Promise<void>
}

export interface DiskLock {
  release(): Promise<void>
}
