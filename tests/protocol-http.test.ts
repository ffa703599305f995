/** The chapter HTTP of PROTOCOL.md: its commands are answered as it says. */
import { createRouter } from '@waybill/server'
import { execFile } from 'node:child_process'
import { expect, test } from 'vitest'
import { Document } from './vectors/document.js'

const protocol = new Document('PROTOCOL.md')
const chapter = /^## HTTP\n([\s\S]*?)^## /m.exec(protocol.text)![1]!
const consoles = Array.from(chapter.matchAll(/^```console\n([\s\S]*?)^```$/gm), (match) => match[1]!)

interface Said {
  readonly command: string
  readonly answer: string
}

/** Lines that begin with `$ ` are commands; what follows each is its answer. */
function saidIn(block: string): readonly Said[] {
  return block
    .split(/^\$ /m)
    .slice(1)
    .map((text) => {
      const end = text.indexOf('\n')
      return { command: text.slice(0, end), answer: text.slice(end + 1) }
    })
}

/** Matches where `<NAME>` is what it was before, or anything the first time: what it is then stands in `values`. */
function matches(answer: string, printed: string, values: Record<string, string>): boolean {
  const names: string[] = []
  const pattern = answer.trimEnd().replaceAll(/<([A-Z]+)>|[.*+?^${}()|[\]\\]/g, (all, name: string | undefined) => {
    if (name === undefined) return `\\${all}`
    if (values[name] !== undefined) return values[name].replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
    if (names.includes(name)) return `\\k<${name}>`
    names.push(name)
    return `(?<${name}>[\\w-]+)`
  })
  const match = new RegExp(`^${pattern}$`).exec(printed.trimEnd())
  if (match !== null) Object.assign(values, match.groups)
  return match !== null
}

test('the commands print what the page says', async () => {
  await using router = await createRouter({ name: 'router', listen: { port: 0 } })
  const values: Record<string, string> = { ROUTER: router.url!.replace(/^ws/, 'http') }
  const run = (command: string): Promise<string> =>
    new Promise((resolve) =>
      execFile('/bin/sh', ['-c', command], { env: { PATH: process.env['PATH'], ...values }, timeout: 10_000 }, (_error, stdout, stderr) =>
        resolve(stdout + stderr),
      ),
    )
  let count = 0
  for (const block of consoles)
    for (const { command, answer } of saidIn(block)) {
      count++
      const printed = await run(command)
      if (!matches(answer, printed, values)) expect(`$ ${command}\n${printed}`).toBe(`$ ${command}\n${answer}`)
    }
  expect(count).toBeGreaterThan(20)
})

test('an answer that is another one, or whose name stands for something else the second time, does not match', () => {
  expect(matches('a <SN> b <SN>\n', 'a 12 b 12', {})).toBe(true)
  expect(matches('a <SN> b <SN>\n', 'a 12 b 13', {})).toBe(false)
  expect(matches('{"sn":"<SN>"}', '{"sn":"2"}', { SN: '1' })).toBe(false)
  expect(matches('a.c', 'abc', {})).toBe(false)
})
