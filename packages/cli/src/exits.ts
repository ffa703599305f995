/** Owns the exit codes, which scripts rely on, and the text that `--help` shows of them. */

export const Exit = {
  ok: 0,
  /** The call or what was asked for failed, or the router could not start. */
  failed: 1,
  /** What was typed makes no sense; nothing was tried. */
  usage: 2,
  /** No router answered, or it does not let us in. */
  noRouter: 3,
  /** The router does not touch a store that is damaged, or of a later version. */
  damaged: 4,
  /** Another process has the store. */
  taken: 5,
  /** Ctrl-C. A call was cancelled, unless the router has stored it. */
  interrupted: 130,
} as const

export const exitCodesText = `
Exit codes:
  0    done
  1    it failed, or the router could not start
  2    wrong usage; nothing was tried
  3    no router answered, or it refused the token
  4    the store is damaged, or of a later version; it was not touched
  5    another process has the store
  130  ended by Ctrl-C; a call was cancelled unless stored`

/** What was typed makes no sense. The message says what is wrong and how it is right. */
export class UsageError extends Error {}
