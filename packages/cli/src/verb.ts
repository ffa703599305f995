/** Owns what the program and its verbs know of each other. */
import type { Command } from 'commander'
import type { Terminal } from './terminal.js'

/** Has the work done, which resolves to the exit code. It may throw `UsageError`, as long as nothing was tried. */
export type Act = (work: (terminal: Terminal) => Promise<number>) => Promise<void>

/** A file of `verbs/`, loaded when its verb was typed. */
export interface Verb {
  /** Gives the command its arguments, its options, its help, and what it does. */
  readonly define: (verb: Command, act: Act) => void
}
