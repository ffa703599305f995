/** How plugins are found and loaded, what is said of those that are not, and how much of what goes to them and comes from them is in memory. */
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { action, Controller, definePlugin, loadPlugins, type PluginService } from '@waybill/plugins'
import { harness } from '@waybill/testkit'
import { afterEach, describe, expect, expectTypeOf, it } from 'vitest'
import { modules } from './fixtures/modules.js'

const plugin = (name: string, actions = "{ go: { input: 'bytes', run: () => 'gone' } }"): string =>
  `export const plugin = { name: '${name}', actions: ${actions} }\n`

describe('a folder', () => {
  it('has a plugin in each module; what is wrong with one is said, and stops no other', async () => {
    await using h = harness()
    await using files = await modules({
      'a.mjs': plugin('a'),
      'b.cjs': "exports.plugin = { name: 'b', actions: { go: { input: 'bytes', run: () => 'gone' } } }",
      '_lib.mjs': 'throw new Error("nobody loads it")',
      'notes.txt': 'no module',
      'again.mjs': plugin('a'),
      'broken.mjs': 'export const plugin = {{',
      'imports.mjs': "import './nowhere.mjs'",
      'input.mjs': plugin('input', "{ go: { input: 'text', run() {} } }"),
      'bound.mjs': plugin('bound', "{ go: { input: 'bytes', maxInputBytes: 0, run() {} } }"),
      'name.mjs': plugin('no name'),
      'none.mjs': 'export function go() {}',
      'nothing.mjs': plugin('nothing', '{}'),
      'ours.mjs': plugin('waybill'),
      'proto.mjs': plugin('proto', "{ constructor: { input: 'bytes', run() {} } }"),
      'run.mjs': plugin('run', '{ go() {} }'),
      'throws.mjs': 'throw new Error("no\\u001b[2J room")',
      'version.mjs': "export const plugin = { name: 'version', version: 'new', actions: { go: { input: 'bytes', run() {} } } }",
      'writable.mjs': plugin('writable'),
    })
    await chmod(files.path('writable.mjs'), 0o666)
    const node = await h.client('node')
    await using plugins = await loadPlugins({ from: [files.folder, files.path('gone')], client: node })
    expect(plugins.loaded.map(({ name, version }) => `${name} ${version}`)).toEqual(['a 0.0.0', 'b 0.0.0'])
    const said = Object.fromEntries(plugins.failed.map(({ file, message }) => [file.slice(files.folder.length + 1), message]))
    expect(said).toEqual({
      'again.mjs': `its name 'a' is that of ${files.path('a.mjs')}: give it another one`,
      'broken.mjs': expect.stringMatching(/^it does not load: "\w*Error: .*; `node` with this file says where$/) as string,
      'imports.mjs': expect.stringMatching(/^it does not load: .*nowhere\.mjs/) as string,
      'input.mjs': "the `input` of its action 'go' is none of bytes, buffer, file",
      'bound.mjs': "the `maxInputBytes` of its action 'go' is no whole number from 1 on",
      'name.mjs': 'the `name` of its plugin is no name: take 1 to 64 letters, digits, _ and -',
      'none.mjs': expect.stringMatching(/^it exports no `plugin`: write .* or begin the name of the file with _/) as string,
      'nothing.mjs': expect.stringMatching(/^its plugin has no `actions`: write/) as string,
      'ours.mjs': "its name 'waybill' is that of Waybill itself: give it another one",
      'proto.mjs': "its action 'constructor' can never be called: take a name like that of a method",
      'run.mjs': expect.stringMatching(/^its action 'go' has no function `run`: write/) as string,
      'throws.mjs': 'it does not load: "Error: no\\u001b[2J room"; `node` with this file says where',
      'version.mjs': "'plugins.version@new' does not name a service and one version, such as 'Dog@1.2.0'",
      'writable.mjs': 'everybody on this machine may write there, and so run code here: take that away with chmod o-w',
      gone: 'there is no such file or folder: name one that exists',
    })
    const controller = new Controller(await h.client('controller'))
    expect(await controller.recv(await controller.send('b:go'))).toMatchObject({ payload: 'gone' })
    expect(await controller.recv(await controller.send('broken:go'))).toMatchObject({ code: 1 })
    await plugins.close()
    await controller.recv()
    expect(await controller.recv(await controller.send('a:go'))).toMatchObject({ payload: 'Error loading directive handlers for a' })
    await controller.close()
  })

  it('that is empty, or that everybody may write to, is refused', async () => {
    await using h = harness()
    await using empty = await modules({})
    await using open = await modules({ 'a.mjs': plugin('a') })
    await chmod(open.folder, 0o777)
    const { loaded, failed } = await loadPlugins({ from: [empty.folder, open.folder], client: await h.client('node') })
    expect(loaded).toEqual([])
    expect(failed).toEqual([
      { file: empty.folder, message: expect.stringMatching(/^there is no module in it: a plugin is/) as string },
      { file: open.folder, message: expect.stringMatching(/^everybody on this machine may write there/) as string },
    ])
  })
})

it('a module that never loads is left out after a while', async () => {
  await using h = harness()
  await using files = await modules({ 'never.mjs': 'await new Promise(() => {})' })
  const node = await h.client('node')
  let isOver = false
  const loading = loadPlugins({ from: [files.folder], client: node, ports: h.processOf(node) }).finally(() => (isOver = true))
  // Its time begins when its file was looked at, which is a matter of the real disk.
  await expect
    .poll(async () => {
      await h.advance(11_000)
      return isOver
    })
    .toBe(true)
  const { loaded, failed } = await loading
  expect(loaded).toEqual([])
  expect(failed).toEqual([
    { file: files.path('never.mjs'), message: expect.stringMatching(/^it has not loaded within 10000 ms: /) as string },
  ])
})

it('one that the router does not want is told of, beside those that it has', async () => {
  await using h = harness({ router: { authorize: (_principal, act, { service }) => act !== 'expose' || service !== 'plugins.secret' } })
  await using files = await modules({ 'secret.mjs': plugin('secret'), 'z.mjs': plugin('z') })
  const { loaded, failed } = await loadPlugins({ from: [files.folder], client: await h.client('node') })
  expect(loaded.map(({ name }) => name)).toEqual(['z'])
  expect(failed).toEqual([{ file: files.path('secret.mjs'), message: expect.stringMatching(/plugins\.secret/) as string }])
})

describe('a package', () => {
  const cwd = process.cwd()
  afterEach(() => process.chdir(cwd))

  it('says which of its files are plugins; nothing else is looked at', async () => {
    await using h = harness()
    await using files = await modules({})
    const install = async (name: string, waybill: unknown): Promise<void> => {
      const folder = files.path(`node_modules/${name}`)
      await mkdir(folder, { recursive: true })
      await writeFile(join(folder, 'package.json'), JSON.stringify({ name, waybill }))
      await writeFile(join(folder, 'index.js'), 'throw new Error("nobody loads it")')
      await writeFile(join(folder, 'plugin.mjs'), plugin(name.replaceAll(/\W/g, '')))
    }
    await install('@acme/backup', { plugins: ['./plugin.mjs'] })
    await install('plain', undefined)
    await install('sly', { plugins: ['./../plain/plugin.mjs'] })
    await mkdir(files.path('below'))
    process.chdir(files.path('below'))
    const from = ['@acme/backup', 'plain', 'sly', 'nowhere', '@acme/../plain']
    const { loaded, failed } = await loadPlugins({ from, client: await h.client('node') })
    expect(loaded.map(({ name }) => name)).toEqual(['acmebackup'])
    expect(failed.map(({ file, message }) => [file, message.slice(0, 30)])).toEqual([
      ['plain', 'its package.json names no plug'],
      ['sly', 'its package.json names no plug'],
      ['nowhere', 'there is no such package here:'],
      ['@acme/../plain', 'that is no name of a package, '],
    ])
  })
})

describe('what is large', () => {
  it('goes to an action, and comes from it, no faster than it is taken', async () => {
    await using h = harness()
    await using files = await modules({
      'flow.mjs': `
let made = 0
export const plugin = {
  name: 'flow',
  actions: {
    first: {
      input: 'buffer',
      async *run(pieces, { signal }) {
        for await (const piece of pieces) {
          yield piece.byteLength
          await new Promise((resolve) => signal.addEventListener('abort', resolve))
        }
      },
    },
    endless: {
      input: 'bytes',
      *run() {
        for (;;) yield ++made
      },
    },
    made: { input: 'bytes', run: () => made },
  },
}`,
    })
    const { failed } = await loadPlugins({ from: [files.path('flow.mjs')], client: await h.client('node', { onIncident: () => {} }) })
    expect(failed).toEqual([])
    const controller = new Controller(await h.client('controller'))
    const MIB = 1024 * 1024
    let readBytes = 0
    let closed = false
    const source = async function* () {
      try {
        for (;;) {
          readBytes += 64 * 1024
          yield new Uint8Array(64 * 1024)
        }
      } finally {
        closed = true
      }
    }
    const up = await controller.send('flow:first', source())
    expect(await controller.recv(up)).toMatchObject({ serial: 1 })
    await h.advance(0)
    expect(readBytes).toBeLessThan(2 * MIB)
    await controller.cancel(up)
    expect(await controller.recv(up)).toMatchObject({ serial: 2, code: 1, eof: true })
    await expect.poll(() => closed).toBe(true)

    const down = await controller.send('flow:endless')
    await controller.recv(down)
    await h.advance(0)
    const { payload: made } = await controller.recv(await controller.send('flow:made'))
    expect(made).toBeLessThan(1000)
    // Who breaks off has seen enough.
    for await (const { serial } of controller.responses(down)) if (serial === 3) break
    expect(await controller.recv()).toMatchObject({ eof: true, code: 0 })
    await controller.close()
  })
})

it('a typed proxy knows what a plugin takes and gives', () => {
  const sleep = definePlugin({
    name: 'sleep',
    actions: {
      execute: action({ input: 'bytes' }, async function* (bytes, call) {
        expectTypeOf(bytes).toEqualTypeOf<Uint8Array>()
        expectTypeOf(call.signal).toEqualTypeOf<AbortSignal>()
        yield bytes.byteLength
      }),
      size: action({ input: 'file', concurrency: 2 }, async (path) => {
        expectTypeOf(path).toEqualTypeOf<string>()
        return { size: path.length }
      }),
    },
  })
  // @ts-expect-error -- there is no such input
  const wrong = action({ input: 'text' }, () => {})
  type Sleep = PluginService<typeof sleep>
  expectTypeOf<ReturnType<Sleep['execute']>>().toEqualTypeOf<AsyncGenerator<number, void>>()
  expectTypeOf<ReturnType<Sleep['size']>>().toEqualTypeOf<AsyncGenerator<{ size: number }, void>>()
  expectTypeOf<Sleep>().not.toHaveProperty('wrong')
  expect([sleep.actions.size.concurrency, wrong.input]).toEqual([2, 'text'])
})
