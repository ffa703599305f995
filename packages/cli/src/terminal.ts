/** Owns what a command knows of its surroundings: where it prints, its environment, Ctrl-C. `main.ts` has the process's own; tests have others. */

/** Takes text, and bytes as they are. Where it is a terminal, it says how wide and how high. */
export interface Output {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
  /**
   * `written` is called once the piece is out, so whoever waits for it is no faster than who reads. It is called with an error where nobody reads
   * any longer; then that is the caller's to end. Otherwise it ends the process.
   */
  write(piece: string | Uint8Array, written?: (error?: Error | null) => void): unknown
}

export interface Terminal {
  readonly out: Output
  readonly err: Output
  /** What comes in, read from when it is asked for; once. */
  readonly input: () => AsyncIterable<Uint8Array>
  readonly env: Readonly<Record<string, string | undefined>>
  /** Has the listener told of each Ctrl-C and SIGTERM, until what is returned is called. Where nobody listens they end the process. */
  readonly onInterrupt: (listener: () => void) => () => void
  /** Ends the process at once. */
  readonly exit: (code: number) => void
}

/** A line of what was asked for. */
export function print(text: string, { out }: Terminal): void {
  out.write(`${text}\n`)
}

/** A piece of what was asked for, when it is out. False: nobody reads any longer. Rejects where it cannot be written, as on a full disk. */
export function written(piece: string | Uint8Array, { out }: Terminal): Promise<boolean> {
  return new Promise((resolve, reject) => {
    out.write(piece, (error) => {
      if (error === undefined || error === null) resolve(true)
      else if ('code' in error && error.code === 'EPIPE') resolve(false)
      else reject(error)
    })
  })
}

/** A line beside it. */
export function remark(text: string, { err }: Terminal): void {
  err.write(`${text}\n`)
}

/** Without a terminal nothing is folded or cut. */
export function widthOf({ isTTY, columns }: Output): number {
  return isTTY && columns !== undefined ? columns : Number.POSITIVE_INFINITY
}

/** So many lines can be written over. */
export function heightOf({ isTTY, rows }: Output): number {
  return isTTY && rows !== undefined ? rows : Number.POSITIVE_INFINITY
}
