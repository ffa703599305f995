/** `waybill start --plugins`: what the router's process loads, what it says of it, and that tokens keep nobody out but strangers. */
import { connect } from '@waybill/client'
import { Controller } from '@waybill/plugins'
// What the command loads where it needs it is here before anybody waits for what it prints.
import '@waybill/server'
import { expect, it } from 'vitest'
import { begins, ran, type CommandRun } from './fixtures/commands.js'
import { isThere, modules } from './fixtures/modules.js'

const plugin = `
export const plugin = {
  name: 'echo',
  actions: {
    say: { input: 'bytes', run: (bytes) => new TextDecoder().decode(bytes) },
    wait: {
      input: 'file',
      async *run(path, { signal }) {
        yield path
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
      },
    },
  },
}
`

async function started(...args: readonly string[]): Promise<{ command: CommandRun; url: string }> {
  const command = begins(['start', '--port', '0', ...args])
  await command.prints(/connect\('/)
  return { command, url: /connect\('([^']*)'/.exec(command.stdout)![1]! }
}

async function stop(command: CommandRun): Promise<void> {
  command.interrupt()
  expect(await command.ended).toEqual({ code: 0, signal: null })
}

it('loads what it can, tells of the rest, and leaves nothing behind', async () => {
  await using files = await modules({ 'echo.mjs': plugin, 'broken.mjs': '{{' })
  const { command, url } = await started('--plugins', files.folder, '--plugins', '@waybill/nowhere')
  await command.prints(/^Plugins: echo \(say, wait\)\.$/m)
  expect(command.stderr.split('\n')).toEqual([
    expect.stringMatching(/^waybill: the plugin .*broken\.mjs is left out: it does not load: /) as string,
    expect.stringMatching(/^waybill: the plugin @waybill\/nowhere is left out: there is no such package here: npm install it/) as string,
    '',
  ])
  expect(await ran(['call', 'plugins.echo.say', 'hello'], { WAYBILL_URL: url })).toEqual({ code: 0, stdout: 'hello\n', stderr: '' })
  expect(await ran(['call', 'plugins/plugins.waybill.ping', '--json'], { WAYBILL_URL: url })).toMatchObject({ code: 0 })

  const client = await connect(url)
  const controller = new Controller(client)
  const { payload: path } = await controller.recv(await controller.send('echo:wait', 'x', { recipient: 'plugins' }))
  expect(await isThere(path as string)).toBe(true)
  await stop(command)
  await expect.poll(() => isThere(path as string)).toBe(false)
  await client.close({ drainMs: 0 })
})

it('says it as JSON, and says nothing of plugins where none were asked for', async () => {
  await using files = await modules({ 'echo.mjs': plugin, 'none.mjs': '' })
  const [some, none] = [begins(['start', '--port', '0', '--json', '--plugins', files.folder]), begins(['start', '--port', '0', '--json'])]
  await Promise.all([some.prints(/\n/), none.prints(/\n/)])
  expect(JSON.parse(some.stdout)).toMatchObject({
    plugins: [{ name: 'echo', version: '0.0.0', actions: ['say', 'wait'], file: files.path('echo.mjs') }],
    failed: [{ file: files.path('none.mjs'), message: expect.any(String) as string }],
  })
  expect(JSON.parse(none.stdout)).not.toHaveProperty('plugins')
  await Promise.all([stop(some), stop(none)])
})

it('a router that asks for a token, or for those of a file, has its plugins all the same, and strangers stay out', async () => {
  await using files = await modules({ 'echo.mjs': plugin })
  const tokens = files.path('tokens.json')
  const { stdout } = await ran(['token', 'create', 'kennel', '--tokens', tokens])
  for (const [token, ...args] of [
    ['a long secret', '--token', 'a long secret'],
    [stdout.trim(), '--tokens', tokens],
  ] as const) {
    const { command, url } = await started(...args, '--plugins', files.folder)
    await command.prints(/^Plugins: echo/m)
    const call = ['call', 'plugins.echo.say', 'hello']
    expect(await ran(call, { WAYBILL_URL: url, WAYBILL_TOKEN: token })).toMatchObject({ code: 0, stdout: 'hello\n' })
    for (const wrong of [undefined, 'plugins', 'another secret'])
      expect(await ran(call, { WAYBILL_URL: url, ...(wrong !== undefined && { WAYBILL_TOKEN: wrong }) })).toMatchObject({ code: 3 })
    await stop(command)
  }
})
