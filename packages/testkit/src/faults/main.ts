/** The fault harness as a program. */
import { program } from './program.js'
import process from 'node:process'

process.exit(await program(process.argv.slice(2)))
