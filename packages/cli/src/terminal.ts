/** Owns what a command knows of its surroundings: where it prints, its environment, Ctrl-C. `main.ts` has the process's own; tests have others. */

/** Takes text. Where it is a terminal, it says how wide. */
export interface Output {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

export interface Terminal {
  readonly out: Output
  readonly err: Output
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

/** A line beside it. */
export function remark(text: string, { err }: Terminal): void {
  err.write(`${text}\n`)
}

/** Without a terminal nothing is folded or cut. */
export function widthOf({ isTTY, columns }: Output): number {
  return isTTY && columns !== undefined ? columns : Number.POSITIVE_INFINITY
}
