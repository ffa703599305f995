/** The door: the command as a function. */
export { run } from './program.js'
export type { Output, Terminal } from './terminal.js'
