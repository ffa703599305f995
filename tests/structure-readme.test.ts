/** README.md does what it says: its code compiles in both decorator modes and prints what its comments promise, its commands run, its tables are the code's. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { codes } from '@waybill/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { endChildren, startNode, startRouter, type Child } from './fixtures/children.js'
import { ran } from './fixtures/commands.js'
import { Document, root } from './vectors/document.js'

const readme = new Document('README.md')
const folder = `.tmp/readme-${process.pid}`
const rootPath = fileURLToPath(root)
const DEFAULT_URL = 'ws://127.0.0.1:7411'

interface Snippet {
  readonly file: string
  readonly code: string
}

const fences = readme.fences().filter(({ info }) => info === 'ts' || info.startsWith('ts '))
const files: readonly Snippet[] = fences
  .filter(({ info }) => info !== 'ts')
  .map(({ info, content }) => ({ file: info.slice(3), code: content }))
/** What stands without a file name goes on from the first screen: `client` and `dog` are there. */
const fragments: readonly Snippet[] = fences
  .filter(({ info }) => info === 'ts')
  .map(({ content }, index) => ({
    file: `fragment-${index + 1}.ts`,
    code: `import { connect } from '@waybill/client'\nimport type { Dog } from './dog.js'\nconst client = await connect('${DEFAULT_URL}')\nconst dog = client.remote<Dog>('Dog@^1')\n${content}\nvoid dog\nawait client.close()\n`,
  }))

afterAll(async () => {
  await endChildren()
  await rm(new URL(folder, root), { recursive: true, force: true })
})

/** Compiles them with the real compiler; the output of the compiler, empty where all is well. */
function compile(outDir: string, of: readonly Snippet[], ...options: readonly string[]): Promise<string> {
  const common =
    '--ignoreConfig --strict --exactOptionalPropertyTypes --target es2022 --module nodenext --lib es2023,dom,esnext.decorators,esnext.disposable --types node --skipLibCheck --pretty false'
  const args = [
    ...common.split(' '),
    ...options,
    '--rootDir',
    folder,
    '--outDir',
    `${folder}/${outDir}`,
    ...of.map(({ file }) => `${folder}/${file}`),
  ]
  return new Promise((resolve) =>
    execFile('node_modules/.bin/tsc', args, { cwd: rootPath }, (_error, stdout, stderr) => resolve(stdout + stderr)),
  )
}

describe('code', () => {
  let url = ''

  beforeAll(async () => {
    ;({ url } = await startRouter())
    await mkdir(new URL(folder, root), { recursive: true })
    await writeFile(join(rootPath, folder, 'package.json'), '{ "type": "module" }')
    for (const { file, code } of [...files, ...fragments]) await writeFile(join(rootPath, folder, file), code.replaceAll(DEFAULT_URL, url))
  })

  test('compiles with standard decorators and with legacy ones', { timeout: 60_000 }, async () => {
    const all = [...files, ...fragments]
    expect(await compile('standard', all)).toBe('')
    expect(await compile('legacy', all, '--experimentalDecorators')).toBe('')
  })

  test('the first screen runs', async () => {
    const kennel = startNode(`${folder}/standard/kennel.js`)
    await expect.poll(async () => (await ran(['services', '--json'], { WAYBILL_URL: url })).stdout).toContain('"service":"Dog"')
    const walker = startNode(`${folder}/standard/walker.js`)
    expect(await walker.ended).toEqual({ code: 0, signal: null })
    expect(walker.stdout).toBe('Yes master. I will bark hello because that is what dogs do.\n')
    expect(kennel.isRunning).toBe(true)
  })

  /** One process imports one fragment after the other, and ends by itself when each has closed its client. */
  let inTurn: Child | undefined
  test.each(fragments)('$file runs and prints what it says', async ({ file, code }) => {
    inTurn ??= startNode(
      'tests/fixtures/in-turn.mjs',
      fragments.map((one) => join(rootPath, folder, 'standard', one.file.replace('.ts', '.js'))),
    )
    expect(await inTurn.ended, inTurn.stderr).toEqual({ code: 0, signal: null })
    const at = fragments.findIndex((one) => one.file === file)
    const printed = inTurn.stdout.split(/^--- .*\n/m)[at + 1]!
    const promised = Array.from(code.matchAll(/console\.log\(.*\/\/ (.*)$/gm), (match) => match[1]!.split(/, | /)).flat()
    let from = 0
    for (const word of promised) {
      const found = printed.indexOf(word, from)
      expect(found, `${word} in ${printed}`).toBeGreaterThanOrEqual(0)
      from = found + word.length
    }
  })

  test('what the text says of orders.ts is so', async () => {
    const module = (await import(join(rootPath, folder, 'standard/orders.js'))) as { Orders: new () => object }
    const { contractOf } = await import('@waybill/core')
    const { name, version, methods } = contractOf(new module.Orders())
    expect({ name, version, methods: [...methods.keys()] }).toEqual({ name: 'shop.Orders', version: '2.0.0', methods: ['left'] })
  })

  test('a call with wrong arguments or a wrong name does not compile', { timeout: 60_000 }, async () => {
    const right = readFileSync(join(rootPath, folder, 'walker.ts'), 'utf8')
    const wrong = readme.text.match(/`dog\.(?:bark\(3\)|brak\('hello'\))`/g)!.map((code, index) => ({
      file: `wrong-${index + 1}.ts`,
      code: right.replace("dog.bark('hello')", code.slice(1, -1)),
    }))
    expect(wrong).toHaveLength(2)
    for (const { file, code } of wrong) await writeFile(join(rootPath, folder, file), code)
    const said = await compile('wrong', wrong, '--noEmit')
    for (const { file } of wrong) expect(said).toMatch(new RegExp(`^\\S*/${file}\\(\\d+,\\d+\\): error TS`, 'm'))
    expect(said.match(/error TS/g)).toHaveLength(2)
  })

  test('the commands run', async () => {
    const lines = readme.fences().flatMap(({ info, content }) => (info === 'sh' ? content.trim().split('\n') : []))
    const { scripts } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { scripts: Record<string, string> }
    for (const line of lines) {
      const [, ours] = /^npx waybill (.*)$/.exec(line) ?? []
      if (ours === undefined) {
        for (const [, script] of line.matchAll(/npm (?:run )?(?!install)(\w+)/g)) expect(scripts, line).toHaveProperty(script!)
      } else if (ours !== 'start') {
        const { code, stdout, stderr } = await ran(ours.split(' '), { WAYBILL_URL: url })
        expect(code, `${line}: ${stderr}`).toBe(0)
        expect(stdout, line).not.toBe('')
      }
    }
    expect(lines).toEqual(expect.arrayContaining(['npm install && npm run demo', 'npm install && npm test', 'npx waybill start']))
  })
})

describe('tables', () => {
  const fieldsOf = (file: string, name: string): string[] => {
    const text = readFileSync(new URL(`packages/${file}`, root), 'utf8')
    return Array.from(
      new RegExp(`export interface ${name}[^{]*\\{\\n([\\s\\S]*?)\\n\\}`).exec(text)![1]!.matchAll(/^ {2}readonly (\w+)\??:/gm),
      (match) => match[1]!,
    )
  }
  const first = (marker: string): string[] => readme.table(marker).map((row) => Object.values(row)[0]!)
  const termsIn = (marker: string): string[] =>
    first(marker)
      .flatMap((cell) => Array.from(cell.matchAll(/\w+/g), ([term]) => term))
      .toSorted()

  test('errors', () => {
    expect(readme.table('errors')).toEqual(
      Object.entries(codes).map(([code, { executed, meaning }]) => ({ code, executed: executed.join(', '), meaning })),
    )
  })

  test('options', () => {
    const callOptions = fieldsOf('core/src/remote-types/options.ts', 'CallOptions')
    expect(first('call options').toSorted()).toEqual(callOptions.toSorted())
    expect(first('connect options').toSorted()).toEqual(fieldsOf('client/src/connect.ts', 'ConnectOptions').toSorted())
    // A guard is written as a method.
    const methodTerms = [...fieldsOf('core/src/contract/terms.ts', 'MethodConditions'), 'guard']
    expect(termsIn('method terms')).toEqual([...methodTerms, ...fieldsOf('core/src/contract/terms.ts', 'MethodTerms')].toSorted())
    expect(termsIn('service terms')).toEqual(fieldsOf('core/src/contract/terms.ts', 'ServiceTerms').toSorted())
    const routerOptions = [
      ...fieldsOf('server/src/create-router.ts', 'RouterOptions'),
      ...fieldsOf('server/src/gateways/doors.ts', 'DoorsOptions'),
    ]
    expect(first('router options').toSorted()).toEqual(routerOptions.toSorted())
  })

  test('links lead somewhere', () => {
    for (const name of ['README.md', 'PROTOCOL.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md']) {
      const { text } = new Document(name)
      for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
        const [file, anchor] = target!.split('#')
        const there = readFileSync(new URL(file === '' ? name : file!, root), 'utf8')
        if (anchor !== undefined) {
          const anchors = Array.from(there.matchAll(/^#+ (.*)$/gm), (match) =>
            match[1]!
              .toLowerCase()
              .replaceAll(/[^a-z0-9 _-]/g, '')
              .replaceAll(' ', '-'),
          )
          expect(anchors, `${name}: ${target}`).toContain(anchor)
        }
      }
    }
  })
})
