#!/usr/bin/env node
// Stands outside dist so that npm can link it before anything is built.
import { existsSync } from 'node:fs'

const main = new URL('../dist/main.js', import.meta.url)
if (existsSync(main)) {
  await import(main.href)
} else {
  console.error('waybill: not built yet: run `npm run build` in the root of the repository')
  process.exitCode = 1
}
